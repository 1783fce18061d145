#!/usr/bin/env python3
"""Records trainings of networks that see or read, made with PyTorch, into images.

Weights and data lie as chainrule has them, channels last; the layers of a case
are named as there. Each run is made in float32 and float64; the script refuses
a case whose two runs drift apart.

    pip install torch numpy
    python record_images.py
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import recorded_json
import torch
import torch.nn.functional as F
from image_layers import LAYERS

STEPS = 30
ROWS = 16
BATCH = 8
MAX_DRIFT = 2e-5


def dyadic(values, bits):
    return np.round(np.asarray(values) * 2.0**bits) / 2.0**bits


GATES = {"simpleRNN": 1, "lstm": 4, "gru": 3}


def axes_of(kind):
    return int(kind[4])


def shapes_of(spec, inputs):
    """Names and shapes of a layer's weights, for so many input channels."""
    kind, out = spec["kind"], spec.get("filters", spec.get("units"))
    size, bias = spec.get("kernelSize"), {} if spec.get("useBias") is False else {"bias": [out]}
    if kind in GATES:
        columns = GATES[kind] * out
        bias = [2, columns] if kind == "gru" else [columns]
        return {"kernel": [inputs, columns], "recurrentKernel": [out, columns], "bias": bias}
    if kind in ("conv1d", "conv2d", "conv3d"):
        return {"kernel": [*axes_of(kind) * [size], inputs // spec.get("groups", 1), out], **bias}
    if kind.endswith("Transpose"):
        return {"kernel": [*axes_of(kind) * [size], out, inputs], **bias}
    if kind == "depthwiseConv2d":
        multiplier = spec.get("depthMultiplier", 1)
        return {"kernel": [size, size, inputs, multiplier], "bias": [inputs * multiplier]}
    if kind == "separableConv2d":
        multiplier = spec.get("depthMultiplier", 1)
        return {
            "depthwiseKernel": [size, size, inputs, multiplier],
            "pointwiseKernel": [1, 1, inputs * multiplier, out],
            "bias": [out],
        }
    if kind == "spectralNormalization":
        units = spec["layer"]["units"]
        return {"kernel": [inputs, units], "bias": [units]}
    if kind in ("batchNormalization", "groupNormalization"):
        return {"gamma": [inputs], "beta": [inputs]}
    if kind == "dense":
        return {"kernel": [inputs, out], "bias": [out]}
    return {}


def names_of(layers):
    """conv2d, conv2d_1, … as a model names them."""
    seen, names = {}, []
    for spec in layers:
        count = seen.get(spec["kind"], 0)
        names.append(spec["kind"] if count == 0 else f"{spec['kind']}_{count}")
        seen[spec["kind"]] = count + 1
    return names


ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda x: x}


def flat(layers):
    """In the order in which they are applied; what a residual adds up at its end is a layer too."""
    for spec in layers:
        if spec["kind"] == "residual":
            yield from flat(spec["layers"])
            yield from flat(spec.get("shortcut", []))
            yield {"kind": "add"}
        else:
            yield spec


def forward(case, parameters, x):
    return run(case["layers"], iter(names_of(flat(case["layers"]))), parameters, x)


def run(layers, names, parameters, x):
    for spec in layers:
        if spec["kind"] == "residual":
            y = run(spec["layers"], names, parameters, x)
            x = y + run(spec.get("shortcut", []), names, parameters, x)
            next(names)
            continue
        name = next(names)
        own = {key.split("/")[1]: value for key, value in parameters.items() if key.split("/")[0] == name}
        x = LAYERS[spec["kind"]](spec, own, x)
        if "activation" in spec and spec["activation"] != "softmax":
            x = ACTIVATIONS[spec["activation"]](x)
    return x


# --- cases --------------------------------------------------------------------


def same(kind, **options):
    return {"kind": kind, **options}


UP = {"strides": 2, "padding": 1, "outputPadding": 1}

CASES = [
    {
        "name": "cnn-batch-norm",
        "inputShape": [9, 7, 2],
        "loss": "sparseCategoricalCrossentropy",
        "layers": [
            same("conv2d", filters=5, kernelSize=3, padding="same", useBias=False),
            same("batchNormalization"),
            same("activation", activation="tanh"),
            same("maxPooling2d", poolSize=2),
            same("conv2d", filters=20, kernelSize=3, activation="tanh"),
            same("flatten"),
            same("dense", units=3, activation="softmax"),
        ],
    },
    {
        "name": "depthwise-block",
        "inputShape": [8, 8, 3],
        "loss": "sparseCategoricalCrossentropy",
        "layers": [
            same("separableConv2d", filters=18, kernelSize=3, padding="same", depthMultiplier=2),
            same("batchNormalization"),
            same("activation", activation="tanh"),
            same("depthwiseConv2d", kernelSize=3, strides=2, activation="tanh"),
            same("conv2d", filters=12, kernelSize=1, groups=3, activation="tanh"),
            same("groupNormalization", groups=4),
            same("globalAveragePooling2d"),
            same("dense", units=3, activation="softmax"),
        ],
    },
    {
        "name": "transposed",
        "inputShape": [8, 6, 3],
        "loss": "meanSquaredError",
        "layers": [
            same("conv2d", filters=8, kernelSize=3, strides=2, padding=1, activation="tanh"),
            same("conv2dTranspose", filters=6, kernelSize=3, **UP, activation="tanh"),
            same("averagePooling2d", poolSize=2),
            same("conv2dTranspose", filters=3, kernelSize=3, **UP),
        ],
    },
    {
        "name": "dilated-causal",
        "inputShape": [20, 4],
        "loss": "meanSquaredError",
        "layers": [
            same("conv1d", filters=12, kernelSize=3, padding="causal", activation="tanh"),
            same("conv1d", filters=12, kernelSize=3, padding="causal", dilationRate=2, activation="tanh"),
            same("conv1d", filters=12, kernelSize=3, padding="causal", dilationRate=4, activation="tanh"),
            same("conv1d", filters=1, kernelSize=1),
        ],
    },
    *(
        {
            "name": kind,
            "inputShape": [11, 4],
            "loss": "sparseCategoricalCrossentropy",
            "layers": [
                same(kind, units=9, returnSequences=True),
                same(kind, units=6),
                same("dense", units=3, activation="softmax"),
            ],
        }
        for kind in ("simpleRNN", "lstm", "gru")
    ),
    {
        "name": "resnet-block",
        "inputShape": [8, 6, 3],
        "loss": "sparseCategoricalCrossentropy",
        "layers": [
            same("conv2d", filters=6, kernelSize=3, padding="same", useBias=False),
            same("batchNormalization"),
            same("activation", activation="relu"),
            same(
                "residual",
                layers=[
                    same("conv2d", filters=6, kernelSize=3, padding="same", useBias=False),
                    same("batchNormalization"),
                    same("activation", activation="relu"),
                    same("conv2d", filters=6, kernelSize=3, padding="same", useBias=False),
                    same("batchNormalization"),
                ],
            ),
            same("activation", activation="relu"),
            same(
                "residual",
                layers=[
                    same("conv2d", filters=8, kernelSize=3, strides=2, padding=1, useBias=False),
                    same("batchNormalization"),
                    same("activation", activation="relu"),
                    same("conv2d", filters=8, kernelSize=3, padding="same", useBias=False),
                    same("batchNormalization"),
                ],
                shortcut=[same("conv2d", filters=8, kernelSize=1, strides=2, **{"from": 6})],
            ),
            same("activation", activation="relu"),
            same("globalAveragePooling2d"),
            same("dense", units=3, activation="softmax"),
        ],
    },
    {
        "name": "group-norm",
        "inputShape": [7, 5, 2],
        "loss": "sparseCategoricalCrossentropy",
        "learningRate": 0.02,
        "layers": [
            same("conv2d", filters=12, kernelSize=3, padding="same", activation="tanh"),
            same("groupNormalization", groups=3),
            same("conv2d", filters=6, kernelSize=3, strides=2, padding=1, activation="tanh"),
            same("groupNormalization", groups=6),
            same("flatten"),
            same("dense", units=3, activation="softmax"),
        ],
    },
    {
        "name": "transposed-1d",
        "inputShape": [10, 3],
        "loss": "meanSquaredError",
        "layers": [
            same("conv1d", filters=8, kernelSize=3, strides=2, padding=1, activation="tanh"),
            same("conv1dTranspose", filters=6, kernelSize=3, **UP, activation="tanh"),
            same("conv1d", filters=8, kernelSize=3, strides=3, activation="tanh"),
            same("conv1dTranspose", filters=3, kernelSize=2, strides=3, padding=0, outputPadding=2),
        ],
    },
    {
        "name": "transposed-3d",
        "inputShape": [4, 6, 2, 2],
        "loss": "meanSquaredError",
        "layers": [
            same("conv3d", filters=6, kernelSize=3, strides=2, padding=1, activation="tanh"),
            same("conv3dTranspose", filters=2, kernelSize=3, **UP),
        ],
    },
    {
        "name": "spectral-norm",
        "inputShape": [9],
        "loss": "sparseCategoricalCrossentropy",
        "layers": [
            # So many iterations that what is found is the norm, from any vector.
            same("spectralNormalization", layer=same("dense", units=8), powerIterations=99),
            same("activation", activation="tanh"),
            same("dense", units=3, activation="softmax"),
        ],
    },
]


def make_weights(rng, case):
    weights, channels = {}, case["inputShape"][-1]
    spatial = case["inputShape"][:-1]
    layers = list(flat(case["layers"]))
    for spec, name in zip(layers, names_of(layers)):
        inputs = spec.get("from", channels)
        if spec["kind"] == "dense":
            inputs = case["flattened"] if "flattened" in case else channels
        for key, shape in shapes_of(spec, inputs).items():
            if key in ("bias", "beta"):
                values = rng.uniform(-0.1, 0.1, shape)
            elif key == "gamma":
                values = rng.uniform(0.8, 1.2, shape)
            else:
                is_transposed = spec["kind"].endswith("Transpose")
                terms = shape[:-2] + shape[-1:] if is_transposed else shape[:-1]
                fan = np.prod(terms) / (2 if is_transposed else 1)
                values = rng.uniform(-1, 1, shape) * np.sqrt(3 / fan)
            weights[f"{name}/{key}"] = dyadic(values, 12)
        if spec["kind"] in GATES or "layer" in spec:
            channels = spec.get("layer", spec)["units"]
        else:
            channels = spec.get("filters", channels * spec.get("depthMultiplier", 1))
    return weights


def without_from(layers):
    """As the library takes them: how many channels a shortcut gets is known there."""
    return [
        {
            key: without_from(value) if isinstance(value, list) and key in ("layers", "shortcut") else value
            for key, value in spec.items()
            if key != "from"
        }
        for spec in layers
    ]


def train(case, weights, x, y, dtype):
    parameters = {key: torch.tensor(value, dtype=dtype, requires_grad=True) for key, value in weights.items()}
    optimizer = torch.optim.SGD(parameters.values(), lr=case["learningRate"], momentum=0.9)
    inputs, targets = torch.from_numpy(x).to(dtype), torch.from_numpy(y)
    if case["loss"] == "meanSquaredError":
        targets = targets.to(dtype)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH % ROWS, step * BATCH % ROWS + BATCH)
        out = forward(case, parameters, inputs[rows])
        loss = (F.mse_loss if case["loss"] == "meanSquaredError" else F.cross_entropy)(out, targets[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def record(case, seed):
    rng = np.random.default_rng(seed)
    shape = case["inputShape"]
    x = dyadic(rng.uniform(-2, 2, (ROWS, *shape)), 6)
    if case["name"] == "cnn-batch-norm":
        case = {**case, "flattened": ((shape[0] // 2) - 2) * ((shape[1] // 2) - 2) * 20}
    if case["name"] == "group-norm":
        case = {**case, "flattened": 4 * 3 * 6}
    case = {"learningRate": 0.05, **case}
    if case["loss"] == "sparseCategoricalCrossentropy":
        y = np.sin(x).sum(tuple(range(1, x.ndim - 1))) @ rng.normal(size=(shape[-1], 3))
        y = y.argmax(1).astype(np.int64)
    elif case["name"].startswith("transposed"):
        y = dyadic(0.5 * np.sin(x) + 0.1 * x, 8)
    else:
        y = dyadic(np.sin(np.cumsum(x[:, :, :1], 1) / 2), 8)
    weights = make_weights(rng, case)
    losses = train(case, weights, x, y, torch.float32)
    exact = train(case, weights, x, y, torch.float64)
    drift = max(abs(a - b) / abs(b) for a, b in zip(losses, exact))
    print(f"{case['name']}: loss {losses[0]:.4f} to {losses[-1]:.4f}; drift {drift:.1e}")
    assert drift <= MAX_DRIFT, f"{case['name']}: float32 and float64 differ by {drift}"
    assert sum(losses[-4:]) < sum(losses[:4]), f"{case['name']}: does not learn"
    return {
        "name": case["name"],
        "torchVersion": torch.__version__,
        "inputShape": shape,
        "layers": without_from(case["layers"]),
        "loss": case["loss"],
        "learningRate": case["learningRate"],
        "batchSize": BATCH,
        "rows": ROWS,
        "weights": [
            {"name": key, "shape": list(value.shape), "values": value.ravel().tolist()}
            for key, value in weights.items()
        ],
        "x": x.ravel().tolist(),
        "y": y.ravel().tolist(),
        "yShape": list(y.shape),
        "losses": [float(str(np.float32(v))) for v in losses],
    }


def main():
    torch.set_num_threads(1)
    recorded_json.write({f"images/{case['name']}.json": record(case, 5 + i) for i, case in enumerate(CASES)})
    print(f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
