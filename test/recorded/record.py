#!/usr/bin/env python3
"""Records training runs made with PyTorch, as an oracle for the tests.

Writes one JSON file per case beside this script; README.md describes the
fields. Every run is made twice from the same initial weights, in float32 and
in float64. The script refuses to write a case whose two runs drift apart, so
that a test tolerance of 1e-5 measures the library and not the case.

    pip install torch numpy
    python record.py
"""

import os

# Both must be settled before torch is loaded: one thread and no GPU, so that
# sums are made in one order.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import recorded_json
import torch
from torch import nn
import torch.nn.functional as F

STEPS = 50
ROWS = 64
BATCH = 16

# float32 and float64 losses must agree this well at every step.
MAX_DRIFT = 2e-6
# Nothing may come this near a relu's kink, where rounding picks the gradient.
MIN_KINK_DISTANCE = 5e-5
# Predicted probabilities stay this far from 0 and 1, where libraries clip.
MIN_PROBABILITY = 5e-4

HIDDEN = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


# --- data and initial weights ----------------------------------------------
# All are multiples of a small power of two: exact in float32 and float64, and
# in the decimal digits written to JSON.


def dyadic(values, bits):
    return np.round(np.asarray(values) * 2.0**bits) / 2.0**bits


def make_weights(rng, sizes):
    """[(kernel [in, out], bias [out])], Glorot uniform and small biases."""
    weights = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        limit = np.sqrt(6 / (fan_in + fan_out))
        kernel = dyadic(rng.uniform(-limit, limit, (fan_in, fan_out)), 12)
        bias = dyadic(rng.uniform(-0.1, 0.1, fan_out), 12)
        weights.append((kernel, bias))
    return weights


def make_inputs(rng, features):
    return dyadic(rng.uniform(-2, 2, (ROWS, features)), 8)


def class_scores(rng, x, classes):
    """Noisy scores, so that the classes overlap and the loss stays off 0."""
    a = rng.normal(size=(x.shape[1], classes))
    return np.sin(x) @ a + 0.8 * rng.normal(size=(len(x), classes))


def class_labels(rng, x):
    return class_scores(rng, x, 3).argmax(axis=1)


def soft_targets(rng, x):
    """Rows that sum to exactly 1: mostly one class, a little of the others."""
    scores = 1.5 * class_scores(rng, x, 3)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = dyadic(0.85 * p / p.sum(axis=1, keepdims=True) + 0.05, 8)
    p[np.arange(len(p)), p.argmax(axis=1)] += 1 - p.sum(axis=1)
    assert (p > 0).all() and (p.sum(axis=1) == 1).all()
    return p


def regression_targets(rng, x):
    y = np.sin(x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3] - 0.3 * x[:, 3:4]
    return dyadic(y + 0.4 * rng.normal(size=y.shape), 8)


def binary_labels(rng, x):
    scores = x[:, :1] - 0.8 * x[:, 1:2] * x[:, 2:3] + 1.2 * rng.normal(size=(ROWS, 1))
    return (scores > 0).astype(np.int64)


# --- cases ------------------------------------------------------------------

CLASSIFIER = {
    "sizes": [6, 16, 8, 3],
    "activations": ["tanh", "relu", "softmax"],
    "loss": "sparseCategoricalCrossentropy",
    "targets": class_labels,
    "seed": 3,  # the same data and initial weights in all four
}
ADAM = {"name": "adam", "learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}


def sgd(learning_rate, momentum=0.0, nesterov=False):
    return {"name": "sgd", "learningRate": learning_rate, "momentum": momentum, "nesterov": nesterov}


CASES = [
    {"name": "mlp-sgd", **CLASSIFIER, "optimizer": sgd(0.1)},
    {"name": "mlp-momentum", **CLASSIFIER, "optimizer": sgd(0.02, 0.9)},
    {"name": "mlp-nesterov", **CLASSIFIER, "optimizer": sgd(0.02, 0.9, True)},
    {"name": "mlp-adam", **CLASSIFIER, "optimizer": ADAM},
    {
        "name": "regression-adam",
        "sizes": [5, 12, 1],
        "activations": ["sigmoid", "linear"],
        "loss": "meanSquaredError",
        "targets": regression_targets,
        "seed": 2,
        "optimizer": ADAM,
    },
    {
        "name": "binary-momentum",
        "sizes": [5, 12, 1],
        "activations": ["relu", "sigmoid"],
        "loss": "binaryCrossentropy",
        "targets": binary_labels,
        "seed": 3,
        "optimizer": sgd(0.05, 0.9),
    },
    {
        "name": "soft-targets-sgd",
        "sizes": [6, 16, 8, 3],
        "activations": ["tanh", "relu", "softmax"],
        "loss": "categoricalCrossentropy",
        "targets": soft_targets,
        "seed": 4,
        "optimizer": sgd(0.1),
    },
]


# --- training ---------------------------------------------------------------


def make_optimizer(parameters, config):
    if config["name"] == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=config["learningRate"],
            momentum=config["momentum"],
            dampening=0,
            nesterov=config["nesterov"],
        )
    return torch.optim.Adam(
        parameters,
        lr=config["learningRate"],
        betas=(config["beta1"], config["beta2"]),
        eps=config["epsilon"],
    )


def compute_loss(name, out, y):
    """The mean loss; `out` is before any final softmax or sigmoid."""
    if name == "meanSquaredError":
        return F.mse_loss(out, y)
    if name == "binaryCrossentropy":
        return F.binary_cross_entropy_with_logits(out, y)
    # Class indices or probabilities, by the type of y.
    return F.cross_entropy(out, y)


def train(case, weights, x, y, dtype):
    layers = []
    for kernel, bias in weights:
        layer = nn.Linear(*kernel.shape, dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        layers.append(layer)
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = make_optimizer(parameters, case["optimizer"])

    x = torch.from_numpy(x).to(dtype)
    y = torch.from_numpy(y)
    if case["loss"] != "sparseCategoricalCrossentropy":
        y = y.to(dtype)

    losses, kink, edge = [], np.inf, np.inf
    for step in range(STEPS):
        start = step * BATCH % ROWS
        rows = slice(start, start + BATCH)
        h = x[rows]
        for layer, activation in zip(layers, case["activations"]):
            h = layer(h)
            if activation == "relu":
                kink = min(kink, h.abs().min().item())
            if activation == "softmax":
                edge = min(edge, torch.softmax(h.detach(), 1).min().item())
            elif activation == "sigmoid" and layer is layers[-1]:
                p = torch.sigmoid(h.detach())
                edge = min(edge, p.min().item(), (1 - p).min().item())
            if layer is not layers[-1]:
                h = HIDDEN[activation](h)
        loss = compute_loss(case["loss"], h, y[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    final = [(l.weight.detach().numpy().T, l.bias.detach().numpy()) for l in layers]
    return losses, final, kink, edge


# --- recording --------------------------------------------------------------


def shortest32(values):
    """Flat list in the fewest digits that read back as the same float32."""
    return [float(str(np.float32(v))) for v in np.asarray(values).ravel()]


def exact(values):
    return np.asarray(values).ravel().tolist()


def named(weights, digits):
    entries = []
    for i, (kernel, bias) in enumerate(weights):
        prefix = "dense" if i == 0 else f"dense_{i}"
        for name, array in (("kernel", kernel), ("bias", bias)):
            entries.append(
                {"name": f"{prefix}/{name}", "shape": list(array.shape), "values": digits(array)}
            )
    return entries


def record(case):
    rng = np.random.default_rng(case["seed"])
    weights = make_weights(rng, case["sizes"])
    x = make_inputs(rng, case["sizes"][0])
    y = case["targets"](rng, x)

    losses, final, kink, edge = train(case, weights, x, y, torch.float32)
    losses64, final64, kink64, edge64 = train(case, weights, x, y, torch.float64)

    name = case["name"]
    drift = max(abs(a - b) / abs(b) for a, b in zip(losses, losses64))
    weight_drift = max(np.abs(a - b).max() for p, q in zip(final, final64) for a, b in zip(p, q))
    kink, edge = min(kink, kink64), min(edge, edge64)
    print(
        f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, least {min(losses):.4f}; drift {drift:.1e}, "
        f"of final weights {weight_drift:.1e}; nearest kink {kink:.1e}; nearest edge {edge:.1e}"
    )
    assert drift <= MAX_DRIFT, f"{name}: float32 and float64 differ by {drift}"
    assert kink >= MIN_KINK_DISTANCE, f"{name}: {kink} from a relu's kink"
    assert edge >= MIN_PROBABILITY, f"{name}: a probability is {edge} from 0 or 1"
    # It learns: the last walk through the data beats the first.
    walk = ROWS // BATCH
    assert sum(losses[-walk:]) < sum(losses[:walk]), f"{name}: does not learn"

    layers = [{"units": u, "activation": a} for u, a in zip(case["sizes"][1:], case["activations"])]
    layers[0]["inputShape"] = [case["sizes"][0]]
    return {
        "name": name,
        "torchVersion": torch.__version__,
        "layers": layers,
        "loss": case["loss"],
        "optimizer": case["optimizer"],
        "batchSize": BATCH,
        "weights": named(weights, exact),
        "x": exact(x),
        "xShape": list(x.shape),
        "y": exact(y),
        "yShape": list(y.shape),
        "losses": shortest32(losses),
        "lossesFloat64": losses64,
        "finalWeights": named(final, shortest32),
    }


def main():
    torch.set_num_threads(1)
    recorded_json.write({f"{case['name']}.json": record(case) for case in CASES})
    print(f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
