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
from sequence_cases import CASES, ROWS
from sequence_modules import Weights, dyadic
from torch import nn

STEPS = 30
BATCH = 6
MAX_DRIFT = 2e-5


class Several:
    """Optimizers of different weights as one."""

    def __init__(self, *parts):
        self.parts = parts

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


def adam_of(case, parameters, options):
    if not hasattr(case, "sparse"):
        return torch.optim.Adam(parameters, **options)
    table, *others = parameters
    return Several(torch.optim.SparseAdam([table], **options), torch.optim.Adam(others, **options))


def optimizer_of(case, parameters):
    given = getattr(case, "optimizer", {"kind": "sgd", "learningRate": 0.1, "momentum": 0.9})
    rate = given["learningRate"]
    if given["kind"] == "sgd":
        return given, torch.optim.SGD(parameters, lr=rate, momentum=given["momentum"])
    if given["kind"] == "adam":
        return given, adam_of(case, parameters, {"lr": rate, "eps": given["epsilon"]})
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
    if hasattr(case, "targets"):
        return inputs, case.targets(inputs, rng)
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
        "optimizer": optimizer_of(case, [nn.Parameter(torch.zeros(1)) for _ in range(2)])[0],
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
