#!/usr/bin/env python3
"""Records runs of every loss and activation with PyTorch.

All start from the same weights and walk through the same inputs; one file,
losses/runs.json, holds both, the targets by name, and a list of runs. Names
and options are the library's. What PyTorch has as a function of its own is
that function; the rest is its formula in PyTorch's ops. Each run is made in
float32 and in float64 and must not drift apart, as in record.py, which says
more.

    pip install torch numpy
    python record_losses.py
"""

import math

import numpy as np
import record
import recorded_json
import torch
import torch.nn.functional as F
from torch import nn

SIZES = [6, 10, 3]
SEED = 11
IGNORED = 255

# --- targets ----------------------------------------------------------------


def make_targets(rng, x):
    labels = record.class_labels(rng, x)
    hot = np.eye(3)[labels]
    ignored = labels.copy()
    ignored[::5] = IGNORED
    return {
        "labels": labels,
        "ignored": ignored,
        "hot": hot,
        "soft": record.soft_targets(rng, x),
        "bits": (rng.uniform(size=(len(x), 3)) < 0.5).astype(np.float64),
        "signs": 2 * hot - 1,
        "reals": record.dyadic(np.sin(x[:, :3]) + 0.5 * rng.normal(size=(len(x), 3)), 8),
        "counts": rng.poisson(3, size=(len(x), 3)).astype(np.float64),
        "far": record.dyadic(rng.uniform(1, 4, (len(x), 3)), 8),
    }


# --- losses: (output before the last activation, target, options) -> scalar --


def binary_focal(z, t, o):
    p = torch.sigmoid(z)
    miss = t * (1 - p) + (1 - t) * p
    balance = t * o["alpha"] + (1 - t) * (1 - o["alpha"])
    return (balance * miss ** o["gamma"] * F.binary_cross_entropy_with_logits(z, t, reduction="none")).mean()


def categorical_focal(z, t, o):
    logs = F.log_softmax(z, 1)
    return (-o["alpha"] * (1 - logs.exp()) ** o["gamma"] * t * logs).sum(1).mean()


def categorical_hinge(z, t, _):
    right, wrong = (t * z).sum(1), ((1 - t) * z).amax(1)
    return torch.relu(wrong - right + 1).mean()


def smoothed_bits(z, t, o):
    share = o["labelSmoothing"]
    return F.binary_cross_entropy_with_logits(z, t * (1 - share) + share / 2)


def kl(z, t, _):
    return F.kl_div(F.log_softmax(z, 1), t, reduction="batchmean")


def poisson(z, t, _):
    return F.poisson_nll_loss(F.softplus(z), t, log_input=False, full=False, eps=1e-7)


def msle(z, t, _):
    return ((F.softplus(z) + 1).log() - (t + 1).log()).square().mean()


def logcosh(z, t, _):
    return (z - t).cosh().log().mean()


def crossentropy(z, t, o):
    return F.cross_entropy(
        z, t, label_smoothing=o.get("labelSmoothing", 0.0), ignore_index=o.get("ignoreClass", -100)
    )


# Over the whole batch, as in Keras.
def dice(z, t, _):
    p = torch.sigmoid(z)
    return 1 - 2 * (t * p).sum() / (t.sum() + p.sum() + 1e-7)


def tversky(z, t, o):
    p = torch.sigmoid(z)
    common, added, missed = (t * p).sum(), ((1 - t) * p).sum(), (t * (1 - p)).sum()
    return 1 - common / (common + o["alpha"] * added + o["beta"] * missed + 1e-7)


def sparsemax(x):
    """Martins and Astudillo 2016, algorithm 1."""
    ordered = x.sort(1, descending=True)[0]
    ranks = torch.arange(1, x.shape[1] + 1, dtype=x.dtype)
    count = (1 + ranks * ordered > ordered.cumsum(1)).sum(1, keepdim=True)
    shift = (ordered.cumsum(1).gather(1, count - 1) - 1) / count
    return torch.relu(x - shift)


# name: (loss, options, last activation, targets, formula)
LOSSES = {
    "meanSquaredError": ("meanSquaredError", {}, "linear", "reals", lambda z, t, o: F.mse_loss(z, t)),
    "meanAbsoluteError": ("meanAbsoluteError", {}, "linear", "reals", lambda z, t, o: F.l1_loss(z, t)),
    "meanAbsolutePercentageError": (
        "meanAbsolutePercentageError", {}, "linear", "far",
        lambda z, t, o: 100 * ((z - t).abs() / t.abs()).mean(),
    ),
    "meanSquaredLogarithmicError": ("meanSquaredLogarithmicError", {}, "softplus", "counts", msle),
    "huber": ("huber", {}, "linear", "reals", lambda z, t, o: F.huber_loss(z, t)),
    "huber, delta": (
        "huber", {"delta": 0.5}, "linear", "reals", lambda z, t, o: F.huber_loss(z, t, delta=0.5)
    ),
    "logcosh": ("logcosh", {}, "linear", "reals", logcosh),
    "poisson": ("poisson", {}, "softplus", "counts", poisson),
    "cosineSimilarity": (
        "cosineSimilarity", {}, "linear", "reals", lambda z, t, o: -F.cosine_similarity(z, t, 1).mean()
    ),
    "hinge": ("hinge", {}, "linear", "signs", lambda z, t, o: torch.relu(1 - t * z).mean()),
    "squaredHinge": (
        "squaredHinge", {}, "linear", "signs", lambda z, t, o: torch.relu(1 - t * z).square().mean()
    ),
    "categoricalHinge": ("categoricalHinge", {}, "linear", "hot", categorical_hinge),
    "kullbackLeiblerDivergence": ("kullbackLeiblerDivergence", {}, "softmax", "soft", kl),
    "binaryCrossentropy": (
        "binaryCrossentropy", {}, "sigmoid", "bits",
        lambda z, t, o: F.binary_cross_entropy(torch.sigmoid(z), t),
    ),
    "binaryCrossentropy of logits": (
        "binaryCrossentropy", {"fromLogits": True}, "linear", "bits",
        lambda z, t, o: F.binary_cross_entropy_with_logits(z, t),
    ),
    "binaryCrossentropy, smoothed": (
        "binaryCrossentropy", {"labelSmoothing": 0.1}, "sigmoid", "bits", smoothed_bits
    ),
    "categoricalCrossentropy": ("categoricalCrossentropy", {}, "softmax", "soft", crossentropy),
    "categoricalCrossentropy, smoothed": (
        "categoricalCrossentropy", {"fromLogits": True, "labelSmoothing": 0.1}, "linear", "hot", crossentropy
    ),
    "sparseCategoricalCrossentropy": ("sparseCategoricalCrossentropy", {}, "softmax", "labels", crossentropy),
    "sparseCategoricalCrossentropy, smoothed": (
        "sparseCategoricalCrossentropy", {"labelSmoothing": 0.1}, "softmax", "labels", crossentropy
    ),
    "sparseCategoricalCrossentropy, ignored class": (
        "sparseCategoricalCrossentropy", {"ignoreClass": IGNORED}, "softmax", "ignored", crossentropy
    ),
    "sparseCategoricalCrossentropy, ignored class, smoothed, of logits": (
        "sparseCategoricalCrossentropy",
        {"ignoreClass": IGNORED, "labelSmoothing": 0.2, "fromLogits": True},
        "linear", "ignored", crossentropy,
    ),
    "binaryFocalCrossentropy": (
        "binaryFocalCrossentropy", {"applyClassBalancing": True, "alpha": 0.25, "gamma": 2},
        "sigmoid", "bits", binary_focal,
    ),
    "categoricalFocalCrossentropy": (
        "categoricalFocalCrossentropy", {"alpha": 0.25, "gamma": 2}, "softmax", "hot", categorical_focal
    ),
}

ACTIVATIONS = {
    "sigmoid": (torch.sigmoid, {}),
    "tanh": (torch.tanh, {}),
    "relu": (F.relu, {}),
    "relu6": (F.relu6, {}),
    "leakyRelu": (lambda x: F.leaky_relu(x, 0.2), {}),
    "elu": (F.elu, {}),
    "selu": (F.selu, {}),
    "celu": (lambda x: F.celu(x, 0.7), {"alpha": 0.7}),
    "gelu": (F.gelu, {}),
    "gelu, approximate": (lambda x: F.gelu(x, approximate="tanh"), {"approximate": True}),
    "swish": (F.silu, {}),
    "silu": (F.silu, {}),
    "mish": (F.mish, {}),
    "softplus": (F.softplus, {}),
    "softsign": (F.softsign, {}),
    "hardSigmoid": (F.hardsigmoid, {}),
    "hardSwish": (F.hardswish, {}),
    "hardTanh": (F.hardtanh, {}),
    "hardShrink": (F.hardshrink, {}),
    "softShrink": (lambda x: F.softshrink(x, 0.2), {"threshold": 0.2}),
    "tanhShrink": (F.tanhshrink, {}),
    "logSigmoid": (F.logsigmoid, {}),
    # PyTorch has no name for these two.
    "sparsePlus": (lambda x: torch.where(x >= 1, x, (x.clamp(-1, 1) + 1).square() / 4), {}),
    "squareplus": (lambda x: (x + (x.square() + 4).sqrt()) / 2, {}),
    "threshold": (lambda x: F.threshold(x, 0.1, -0.5), {"threshold": 0.1, "defaultValue": -0.5}),
    "exponential": (torch.exp, {}),
    "softmax": (lambda x: F.softmax(x, 1), {}),
    "logSoftmax": (lambda x: F.log_softmax(x, 1), {}),
    "glu": (F.glu, {}),
}

# Later ones come last, so that what stands before stays as it is.
LATER_LOSSES = {
    "dice": ("dice", {}, "sigmoid", "bits", dice),
    "tversky": ("tversky", {"alpha": 0.3, "beta": 0.8}, "sigmoid", "bits", tversky),
}
LATER_ACTIVATIONS = {"sparsemax": (sparsemax, {})}

RATES = {"meanAbsolutePercentageError": 0.002, "exponential": 0.02, "logSoftmax": 0.01}


def train(run, weights, x, y, hidden, formula, dtype):
    layers = []
    for kernel, bias in weights:
        layer = nn.Linear(*kernel.shape, dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        layers.append(layer)
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=run["learningRate"])
    x = torch.from_numpy(x).to(dtype)
    y = torch.from_numpy(y)
    if y.dtype == torch.float64:
        y = y.to(dtype)
    losses = []
    for step in range(record.STEPS):
        start = step * record.BATCH % record.ROWS
        rows = slice(start, start + record.BATCH)
        loss = formula(layers[1](hidden(layers[0](x[rows]))), y[rows], run["options"])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    weights = record.make_weights(rng, SIZES)
    # A gated layer gives half as many numbers as it has units.
    halved = [weights[0], (weights[1][0][: SIZES[1] // 2], weights[1][1])]
    x = record.make_inputs(rng, SIZES[0])
    targets = make_targets(rng, x)
    runs = []
    cases = [(name, "tanh", {}, torch.tanh, *case) for name, case in LOSSES.items()]
    squares = LOSSES["meanSquaredError"]
    for name, (function, options) in ACTIVATIONS.items():
        cases.append((name, name.split(",")[0], options, function, *squares))
    cases += [(name, "tanh", {}, torch.tanh, *case) for name, case in LATER_LOSSES.items()]
    cases += [(name, name, own, function, *squares) for name, (function, own) in LATER_ACTIVATIONS.items()]
    for name, hidden, own, function, loss, options, last, target, formula in cases:
        run = {
            "name": name,
            "hidden": {"kind": hidden, **own},
            "last": last,
            "loss": loss,
            "options": options,
            "targets": target,
            "learningRate": RATES.get(name, 0.1),
        }
        start = halved if hidden == "glu" else weights
        losses = train(run, start, x, targets[target], function, formula, torch.float32)
        losses64 = train(run, start, x, targets[target], function, formula, torch.float64)
        drift = max(abs(a - b) / abs(b) for a, b in zip(losses, losses64))
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; drift {drift:.1e}")
        assert math.isfinite(losses[-1]) and drift <= record.MAX_DRIFT, name
        assert sum(losses[-4:]) < sum(losses[:4]), f"{name}: does not learn"
        runs.append({**run, "losses": record.shortest32(losses)})
    data = {
        "torchVersion": torch.__version__,
        "batchSize": record.BATCH,
        "weights": record.named(weights, record.exact),
        "x": record.exact(x),
        "targets": {name: record.exact(y) for name, y in targets.items()},
        "runs": runs,
    }
    recorded_json.write({"losses/runs.json": data})


if __name__ == "__main__":
    main()
