#!/usr/bin/env python3
"""Records trainings of networks that read sequences, made with PyTorch, into sequences.

Weights have the names and shapes that they have in chainrule; modules of PyTorch
get them under theirs. Each run is made in float32 and float64; the script refuses
a case whose two runs drift apart.

    pip install torch numpy
    python record_sequences.py
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import recorded_json
import torch
import torch.nn.functional as F
from sequence_modules import Weights, block, dyadic, linear, recurrent, table
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

STEPS = 30
ROWS = 12
BATCH = 6
MAX_DRIFT = 2e-5


# --- cases: what is read, the network, and its loss of a batch -------------------


class Bidirectional(nn.Module):
    """Two layers that read in both directions."""

    inputs = {"x": [7, 3]}
    classes = 3

    def __init__(self, w):
        super().__init__()
        self.first = recurrent("lstm", w, "bidirectional", 3, 4, both=True)
        self.second = recurrent("gru", w, "bidirectional_1", 8, 3, both=True)
        self.last = linear(w, "dense", 6, 3)

    def loss(self, x, y):
        ends = self.second(self.first(x)[0])[1]
        return F.cross_entropy(self.last(torch.cat([ends[0], ends[1]], -1)), y)


def lengths_of(x):
    return (x != 0).any(-1).sum(1)


class Packed(nn.Module):
    """Sequences of unequal lengths: PyTorch packs them, a mask leaves the rest out."""

    inputs = {"x": [8, 3]}
    classes = 3
    padded = True

    def __init__(self, w):
        super().__init__()
        self.first = recurrent("lstm", w, "lstm", 3, 5)
        self.second = recurrent("gru", w, "bidirectional", 5, 4, both=True)
        self.last = linear(w, "dense", 8, 3)

    def loss(self, x, y):
        packed = pack_padded_sequence(x, lengths_of(x), batch_first=True, enforce_sorted=False)
        ends = self.second(self.first(packed)[0])[1]
        return F.cross_entropy(self.last(torch.cat([ends[0], ends[1]], -1)), y)


class PackedSteps(Packed):
    """The same with a loss of each step that counts."""

    perStep = True

    def __init__(self, w):
        nn.Module.__init__(self)
        self.first = recurrent("gru", w, "gru", 3, 5)
        self.second = recurrent("lstm", w, "lstm", 5, 4)
        self.last = linear(w, "dense", 4, 3)

    def loss(self, x, y):
        packed = pack_padded_sequence(x, lengths_of(x), batch_first=True, enforce_sorted=False)
        whole, lengths = pad_packed_sequence(self.second(self.first(packed)[0])[0], batch_first=True)
        counts = torch.arange(whole.shape[1])[None] < lengths[:, None]
        return F.cross_entropy(self.last(whole)[counts], y[:, : whole.shape[1]][counts])


class GruResetBefore(nn.Module):
    """A GRU whose reset comes before the recurrent product, step by step."""

    inputs = {"x": [6, 3]}
    classes = 3

    def __init__(self, w):
        super().__init__()
        self.kernel = nn.Parameter(w.make("gru/kernel", [3, 15], 3).clone())
        self.recurrent = nn.Parameter(w.make("gru/recurrentKernel", [5, 15], 5).clone())
        self.bias = nn.Parameter(w.make("gru/bias", [15]).clone())
        self.last = linear(w, "dense", 5, 3)

    def loss(self, x, y):
        h = x.new_zeros(len(x), 5)
        for step in range(x.shape[1]):
            z, r, g = (x[:, step] @ self.kernel + self.bias).split(5, -1)
            uz, ur, ug = self.recurrent.split(5, -1)
            z, r = torch.sigmoid(z + h @ uz), torch.sigmoid(r + h @ ur)
            h = z * h + (1 - z) * torch.tanh(g + (r * h) @ ug)
        return F.cross_entropy(self.last(h), y)


class Encoder(nn.Module):
    """Ids, two blocks of a transformer, a class for each step that is not padding."""

    inputs = {"ids": [9]}
    ids = 11
    classes = 4
    padded = perStep = True
    first = False

    def __init__(self, w):
        super().__init__()
        self.table = table(w, "embedding", 11, 8)
        names = ("transformerEncoder", "transformerEncoder_1")
        self.blocks = nn.ModuleList(
            block(nn.TransformerEncoderLayer, w, name, 8, 2, 12, self.first) for name in names
        )
        self.last = linear(w, "dense", 8, 4)

    def loss(self, ids, y):
        padding = ids == 0
        x = self.table(ids)
        for part in self.blocks:
            x = part(x, src_key_padding_mask=padding)
        return F.cross_entropy(self.last(x)[~padding], y[~padding])


class EncoderFirst(Encoder):
    """The same, normalized first."""

    first = True


class Decoder(nn.Module):
    """Reads one sequence of ids and writes another, both with padding."""

    inputs = {"source": [7], "target": [6]}
    ids = 10
    classes = 5
    padded = perStep = True

    def __init__(self, w):
        super().__init__()
        self.source, self.target = table(w, "source", 10, 6), table(w, "target", 10, 6)
        self.encoder = block(nn.TransformerEncoderLayer, w, "transformerEncoder", 6, 3, 9, False)
        self.decoder = block(nn.TransformerDecoderLayer, w, "transformerDecoder", 6, 3, 9, True)
        self.last = linear(w, "dense", 6, 5)

    def loss(self, source, target, y):
        hidden, padding = source == 0, target == 0
        memory = self.encoder(self.source(source), src_key_padding_mask=hidden)
        later = torch.triu(torch.ones(6, 6, dtype=torch.bool), 1)
        x = self.decoder(
            self.target(target),
            memory,
            tgt_mask=later,
            tgt_key_padding_mask=padding,
            memory_key_padding_mask=hidden,
        )
        return F.cross_entropy(self.last(x)[~padding], y[~padding])


class Embedded(nn.Module):
    """Ids of which some come up more than once, with the gradients of a whole table."""

    inputs = {"ids": [5]}
    ids = 20
    classes = 3

    def __init__(self, w):
        super().__init__()
        self.table = table(w, "embedding", 20, 4)
        self.last = linear(w, "dense", 20, 3)

    def loss(self, ids, y):
        return F.cross_entropy(self.last(self.table(ids).flatten(1)), y)


class EmbeddedAdagrad(Embedded):
    """The same with Adagrad."""

    optimizer = {"kind": "adagrad", "learningRate": 0.1, "initialAccumulatorValue": 0.1, "epsilon": 1e-7}


class EmbeddedAdam(Embedded):
    """The same with Adam."""

    optimizer = {"kind": "adam", "learningRate": 0.02, "epsilon": 1e-7}


class Bag(nn.Module):
    """The mean of the vectors of ids that are not padding."""

    inputs = {"ids": [6]}
    ids = 15
    classes = 3
    padded = True

    def __init__(self, w):
        super().__init__()
        self.table = table(w, "embeddingBag", 15, 5, nn.EmbeddingBag, mode="mean", padding_idx=0)
        self.last = linear(w, "dense", 5, 3)

    def loss(self, ids, y):
        return F.cross_entropy(self.last(self.table(ids)), y)


CASES = {
    "bidirectional": Bidirectional,
    "packed": Packed,
    "packed-steps": PackedSteps,
    "gru-reset-before": GruResetBefore,
    "transformer-encoder": Encoder,
    "transformer-encoder-pre-norm": EncoderFirst,
    "transformer-decoder": Decoder,
    "embedding-sgd": Embedded,
    "embedding-adam": EmbeddedAdam,
    "embedding-adagrad": EmbeddedAdagrad,
    "embedding-bag": Bag,
}


def optimizer_of(case, parameters):
    given = getattr(case, "optimizer", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9})
    rate = given["learningRate"]
    if given["kind"] == "sgd":
        return given, torch.optim.SGD(parameters, lr=rate, momentum=given["momentum"])
    if given["kind"] == "adam":
        return given, torch.optim.Adam(parameters, lr=rate, eps=given["epsilon"])
    options = {"initial_accumulator_value": given["initialAccumulatorValue"], "eps": given["epsilon"]}
    return given, torch.optim.Adagrad(parameters, lr=rate, **options)


def data_of(case, rng):
    inputs = {}
    for name, shape in case.inputs.items():
        if hasattr(case, "ids"):
            x = rng.integers(1 if hasattr(case, "padded") else 0, case.ids, (ROWS, *shape))
        else:
            x = dyadic(rng.uniform(0.1, 2, (ROWS, *shape)) * rng.choice([-1, 1], (ROWS, *shape)), 6)
        if hasattr(case, "padded"):
            for row, length in enumerate(rng.integers(1, shape[0] + 1, ROWS)):
                x[row, length:] = 0
        inputs[name] = x
    last = list(inputs.values())[-1]
    seen = last if last.ndim == 2 else np.round(last.sum(-1) * 3).astype(int)
    each = (np.cumsum(seen, 1) // 3) % case.classes
    y = each if hasattr(case, "perStep") else each[:, 2] if not hasattr(case, "padded") else each[:, -1]
    return inputs, y.astype(np.int64)


def train(case, weights, inputs, y, dtype):
    net = case(weights).to(dtype)
    wanted = [parameter for parameter in net.parameters() if parameter.requires_grad]
    _, optimizer = optimizer_of(case, wanted)
    tensors = [torch.from_numpy(x) for x in inputs.values()]
    tensors = [x if x.dtype == torch.int64 else x.to(dtype) for x in tensors]
    targets = torch.from_numpy(y)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH % ROWS, step * BATCH % ROWS + BATCH)
        loss = net.loss(*(x[rows] for x in tensors), targets[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def record(name, case, seed):
    rng = np.random.default_rng(seed)
    weights = Weights(100 + seed)
    inputs, y = data_of(case, rng)
    losses = train(case, weights, inputs, y, torch.float32)
    exact = train(case, weights, inputs, y, torch.float64)
    drift = max(abs(a - b) / abs(b) for a, b in zip(losses, exact))
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; drift {drift:.1e}")
    assert drift <= MAX_DRIFT, f"{name}: float32 and float64 differ by {drift}"
    assert sum(losses[-4:]) < sum(losses[:4]), f"{name}: does not learn"
    return {
        "name": name,
        "torchVersion": torch.__version__,
        "optimizer": optimizer_of(case, [nn.Parameter(torch.zeros(1))])[0],
        "batchSize": BATCH,
        "rows": ROWS,
        "weights": [
            {"name": key, "shape": list(value.shape), "values": value.ravel().tolist()}
            for key, value in weights.all.items()
        ],
        "inputs": [
            {"name": key, "shape": list(x.shape[1:]), "values": x.ravel().tolist()}
            for key, x in inputs.items()
        ],
        "y": y.ravel().tolist(),
        "yShape": list(y.shape),
        "losses": [float(str(np.float32(v))) for v in losses],
    }


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recorded_json.write(
        {f"sequences/{name}.json": record(name, case, 7 + i) for i, (name, case) in enumerate(CASES.items())}
    )
    print(f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
