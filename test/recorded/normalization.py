#!/usr/bin/env python3
"""Records training runs with batch and with layer normalization, as record.py does for the rest.

Writes one JSON file per case into the folder of this script's name. Moving
statistics are kept as Keras keeps them: the batch's variance is that of its
numbers themselves, where torch.nn.BatchNorm1d takes n / (n - 1) times it.

    pip install torch numpy
    python normalization.py
"""

import record
import recorded_json
import numpy as np
import torch
import torch.nn.functional as F

SIZES = [6, 12, 3]
EPSILON = 1e-3
MOMENTUM = 0.9
RATE = 0.05

CASES = {
    "batch-normalization": {"seed": 5, "kind": "batchNormalization"},
    "layer-normalization": {"seed": 6, "kind": "layerNormalization"},
}


def initial(rng):
    [(kernel, bias), (kernel_1, bias_1)] = record.make_weights(rng, SIZES)
    width = SIZES[1]
    return {
        "dense/kernel": kernel,
        "dense/bias": bias,
        "norm/gamma": record.dyadic(rng.uniform(0.5, 1.5, width), 12),
        "norm/beta": record.dyadic(rng.uniform(-0.5, 0.5, width), 12),
        "dense_1/kernel": kernel_1,
        "dense_1/bias": bias_1,
    }


def train(kind, weights, x, y, dtype):
    p = {name: torch.tensor(w, dtype=dtype, requires_grad=True) for name, w in weights.items()}
    moving = {
        "norm/movingMean": torch.zeros(SIZES[1], dtype=dtype),
        "norm/movingVariance": torch.ones(SIZES[1], dtype=dtype),
    }
    optimizer = torch.optim.SGD(p.values(), lr=RATE, momentum=0.9)
    x, y = torch.from_numpy(x).to(dtype), torch.from_numpy(y)

    def forward(rows, training):
        h = rows @ p["dense/kernel"] + p["dense/bias"]
        if kind == "layerNormalization":
            h = F.layer_norm(h, [SIZES[1]], p["norm/gamma"], p["norm/beta"], EPSILON)
        else:
            if training:
                batch = {"norm/movingMean": h.mean(0), "norm/movingVariance": h.var(0, unbiased=False)}
                for name, now in batch.items():
                    moving[name] = MOMENTUM * moving[name] + (1 - MOMENTUM) * now.detach()
            stats = [None, None] if training else list(moving.values())
            h = F.batch_norm(h, *stats, p["norm/gamma"], p["norm/beta"], training, 0.0, EPSILON)
        return torch.tanh(h) @ p["dense_1/kernel"] + p["dense_1/bias"]

    losses = []
    for step in range(record.STEPS):
        start = step * record.BATCH % record.ROWS
        rows = slice(start, start + record.BATCH)
        loss = F.cross_entropy(forward(x[rows], True), y[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        evaluated = F.cross_entropy(forward(x, False), y).item()
    final = {name: w.detach().numpy() for name, w in p.items()}
    if kind == "batchNormalization":
        final |= {name: w.numpy() for name, w in moving.items()}
    return losses, evaluated, final


def entries(weights, digits):
    return [{"name": n, "shape": list(w.shape), "values": digits(w)} for n, w in weights.items()]


def make(name, seed, kind):
    rng = np.random.default_rng(seed)
    weights = initial(rng)
    x = record.make_inputs(rng, SIZES[0])
    y = record.class_labels(rng, x)
    losses, evaluated, final = train(kind, weights, x, y, torch.float32)
    losses64, evaluated64, _ = train(kind, weights, x, y, torch.float64)
    drift = max(abs(a - b) / abs(b) for a, b in zip(losses, losses64))
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, evaluated {evaluated:.4f}; drift {drift:.1e}")
    assert drift <= record.MAX_DRIFT, f"{name}: float32 and float64 differ by {drift}"
    return {
        "name": name,
        "torchVersion": torch.__version__,
        "kind": kind,
        "epsilon": EPSILON,
        "momentum": MOMENTUM,
        "learningRate": RATE,
        "batchSize": record.BATCH,
        "weights": entries(weights, record.exact),
        "x": record.exact(x),
        "xShape": list(x.shape),
        "y": record.exact(y),
        "losses": record.shortest32(losses),
        "lossesFloat64": losses64,
        "evaluated": evaluated64,
        "finalWeights": entries(final, record.shortest32),
    }


def main():
    torch.set_num_threads(1)
    recorded_json.write({f"normalization/{name}.json": make(name, **case) for name, case in CASES.items()})


if __name__ == "__main__":
    main()
