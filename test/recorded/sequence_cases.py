"""The networks of record_sequences.py: what each reads, and its loss of a batch."""

import numpy as np
import torch
import torch.nn.functional as F
from sequence_modules import block, linear, recurrent, table
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ROWS = 12


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


class EmbeddedSparse(Embedded):
    """Ids of a larger table, of which Adam updates the rows that a batch reads, and only those."""

    ids = 60
    sparse = True
    optimizer = {"kind": "adam", "learningRate": 0.02, "epsilon": 1e-7}

    def __init__(self, w):
        nn.Module.__init__(self)
        self.table = table(w, "embedding", 60, 4, sparse=True)
        self.last = linear(w, "dense", 20, 3)


class EmbeddedSparseAdagrad(EmbeddedSparse):
    """The same with Adagrad."""

    optimizer = {"kind": "adagrad", "learningRate": 0.1, "initialAccumulatorValue": 0.1, "epsilon": 1e-7}


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


class Ctc(nn.Module):
    """Labels without places, spelled by the steps."""

    inputs = {"x": [8, 3]}
    classes = 4

    def __init__(self, w):
        super().__init__()
        self.first = recurrent("gru", w, "gru", 3, 5)
        self.last = linear(w, "dense", 5, 4)

    @staticmethod
    def targets(inputs, rng):
        y = np.zeros((ROWS, 8), np.int64)
        for row, length in enumerate(rng.integers(0, 5, ROWS)):
            y[row, :length] = rng.integers(1, 4, length)
        return y

    def loss(self, x, y):
        logs = F.log_softmax(self.last(self.first(x)[0]), -1).transpose(0, 1)
        lengths = (y != 0).sum(1)
        return F.ctc_loss(logs, y, torch.full((len(y),), 8), lengths, reduction="none").mean()


class Contrastive(nn.Module):
    """Distances of pairs."""

    inputs = {"x": [4]}

    def __init__(self, w):
        super().__init__()
        self.last = linear(w, "dense", 4, 1)

    @staticmethod
    def targets(inputs, rng):
        return (inputs["x"][:, :1] > 0).astype(np.float64)

    def loss(self, x, y):
        d = F.softplus(self.last(x))
        y = y.to(x.dtype)
        return (y * d**2 + (1 - y) * (1.5 - d).clamp(min=0) ** 2).mean()


class Vectors(nn.Module):
    """A vector for each row, by classes."""

    inputs = {"x": [4]}
    units = 3

    def __init__(self, w):
        super().__init__()
        self.last = linear(w, "dense", 4, self.units)

    optimizer = {"kind": "sgd", "learningRate": 0.02, "momentum": 0.9}

    @staticmethod
    def targets(inputs, rng):
        return (inputs["x"][:, 0] > 0) * 1 + (inputs["x"][:, 1] > 0)


class Triplet(Vectors):
    """Each vector, the farthest of its class, and the nearest of another that is farther away still."""

    def loss(self, x, y):
        out = self.last(x)
        d = torch.linalg.vector_norm(out[:, None] - out[None], dim=-1)
        losses = []
        for row in range(len(y)):
            same, other = y == y[row], y != y[row]
            same[row] = False
            if not same.any() or not other.any():
                losses.append(0 * d[row, row])
                continue
            near = d[row][same].max()
            beyond = d[row][other & (d[row] > near)]
            far = beyond.min() if len(beyond) else d[row][other].min()
            losses.append(F.relu(near - far + 0.7))
        return torch.stack(losses).mean()


class InBatch(Vectors):
    """Queries and answers, each told from the answers of all others."""

    units = 6

    @staticmethod
    def targets(inputs, rng):
        # Rows 1 and 2 of each batch have the same answer.
        return np.array([0, 1, 1, 2, 3, 4] * 2)

    def loss(self, x, y):
        query, answer = self.last(x).chunk(2, -1)
        scores = query @ answer.T / 0.5
        same = (y[:, None] == y[None]) & ~torch.eye(len(y), dtype=torch.bool)
        return F.cross_entropy(scores.masked_fill(same, -torch.inf), torch.arange(len(y)))


class ConvLstm(nn.Module):
    """A convolutional LSTM by hand, step by step, with strides and the padding of Keras's `same`."""

    inputs = {"x": [3, 6, 5, 1]}
    filters = 3

    def __init__(self, w):
        super().__init__()
        self.kernel = nn.Parameter(w.make("convLstm2d/kernel", [3, 2, 1, 12], 6).clone())
        self.recurrent = nn.Parameter(w.make("convLstm2d/recurrentKernel", [3, 2, 3, 12], 18).clone())
        self.bias = nn.Parameter(w.make("convLstm2d/bias", [12]).clone())
        self.last = linear(w, "dense", 45, 3)

    @staticmethod
    def targets(inputs, rng):
        return np.round(inputs["x"].sum((2, 3, 4))[:, -2:].sum(1)).astype(np.int64) % 3

    def loss(self, x, y):
        # Images of PyTorch have their channels first, kernels [out, in, height, width].
        images = x.permute(1, 0, 4, 2, 3)
        kernel, recurrent = (k.permute(3, 2, 0, 1) for k in (self.kernel, self.recurrent))
        h = c = x.new_zeros(len(x), self.filters, 3, 5)
        for image in images:
            # `same`: one zero below 6 rows for windows of 3, two apart; one right of 5 for windows of 2.
            sums = F.conv2d(F.pad(image, (0, 1, 0, 1)), kernel, self.bias, stride=(2, 1))
            i, f, g, o = (sums + F.conv2d(F.pad(h, (0, 1, 1, 1)), recurrent)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return F.cross_entropy(self.last(h.permute(0, 2, 3, 1).flatten(1)), y)


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
    "ctc": Ctc,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "in-batch-negatives": InBatch,
    "conv-lstm": ConvLstm,
    "embedding-sparse-adam": EmbeddedSparse,
    "embedding-sparse-adagrad": EmbeddedSparseAdagrad,
}
