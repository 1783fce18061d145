#!/usr/bin/env python3
"""Records what single layers of Keras compute, and one step of training through them,
into layers: where windows begin and end, what padding counts, which axes are meant.

Numbers come from `numbers`, exact in float32, so that the test makes the same ones. A
dense layer stands before each layer: how it changes is the gradient of the layer's input.

    pip install keras tensorflow-cpu numpy
    python record_layers.py
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import re

import keras
import numpy as np
import recorded_json
import tensorflow as tf
from keras import constraints, layers, regularizers

BATCH = 2


def numbers(shape, seed):
    """From -1 to 1 in steps of 1/1024, no two the same: largest ones are never tied."""
    at = np.arange(np.prod(shape), dtype=np.int64)
    return (((at * 7919 + seed * 104729) % 2039 - 1019) / 1024).reshape(shape).astype("float32")


WHOLE_FILTERS = {"axis": [0, 1, 2]}


def pooled(axes, shape, **options):
    return [(f"{kind}Pooling{axes}D", shape, options) for kind in ("Max", "Average")]


CONVOLUTIONS = [
    ("Conv1D", (9, 3), dict(filters=4, kernel_size=3, padding="causal", strides=2)),
    ("Conv1D", (9, 2), dict(filters=3, kernel_size=4, padding="causal", dilation_rate=2)),
    ("Conv1D", (1, 3), dict(filters=2, kernel_size=4, padding="same", strides=3)),
    (
        "Conv1D",
        (8, 6),
        dict(filters=4, kernel_size=2, groups=2, activation="tanh", kernel_regularizer=("L2", {"l2": 0.1})),
    ),
    ("Conv2D", (7, 6, 3), dict(filters=4, kernel_size=(4, 2), padding="same", strides=(3, 2))),
    ("Conv2D", (6, 5, 2), dict(filters=3, kernel_size=2, strides=4, padding="valid", use_bias=False)),
    ("Conv2D", (1, 8, 1), dict(filters=2, kernel_size=(5, 3), padding="same", dilation_rate=(1, 2))),
    ("Conv2D", (5, 5, 4), dict(filters=4, kernel_size=3, padding="same", groups=4)),
    *(
        ("Conv2D", (5, 4, 2), dict(filters=3, kernel_size=2, kernel_constraint=constraint))
        for constraint in (
            ("MaxNorm", {"max_value": 0.5, **WHOLE_FILTERS}),
            ("UnitNorm", WHOLE_FILTERS),
            ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.8, "rate": 0.5, "axis": [0, 1]}),
        )
    ),
    ("Conv3D", (3, 4, 2, 2), dict(filters=2, kernel_size=(2, 3, 2), padding="same", strides=(1, 2, 1))),
    ("Conv1DTranspose", (4, 3), dict(filters=2, kernel_size=2, strides=3, padding="same")),
    ("Conv1DTranspose", (4, 2), dict(filters=2, kernel_size=4, strides=3, output_padding=2)),
    ("Conv2DTranspose", (3, 2, 2), dict(filters=3, kernel_size=(2, 4), strides=(3, 2), padding="same")),
    (
        "Conv2DTranspose",
        (3, 3, 2),
        dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=1),
    ),
    ("Conv2DTranspose", (2, 3, 2), dict(filters=2, kernel_size=1, strides=3)),
    ("Conv3DTranspose", (2, 2, 2, 2), dict(filters=1, kernel_size=(2, 3, 2), strides=2, padding="same")),
    ("DepthwiseConv1D", (7, 2), dict(kernel_size=4, strides=3, padding="same", depth_multiplier=2)),
    (
        "DepthwiseConv2D",
        (5, 5, 2),
        dict(kernel_size=(2, 3), padding="same", dilation_rate=2, depth_multiplier=3),
    ),
    (
        "DepthwiseConv2D",
        (4, 5, 3),
        dict(kernel_size=2, strides=2, depthwise_constraint=("MaxNorm", {"max_value": 0.5, "axis": [0, 1]})),
    ),
    (
        "SeparableConv1D",
        (6, 3),
        dict(filters=2, kernel_size=3, strides=2, padding="same", depth_multiplier=2),
    ),
    (
        "SeparableConv2D",
        (4, 4, 2),
        dict(filters=3, kernel_size=2, padding="same", pointwise_regularizer=("L1", {"l1": 0.1})),
    ),
]

POOLING = [
    *pooled(1, (7, 2), pool_size=3, strides=2, padding="same"),
    *pooled(2, (5, 6, 2), pool_size=(4, 2), strides=3, padding="same"),
    *pooled(2, (5, 4, 2), pool_size=2, strides=(3, 1)),
    *pooled(3, (3, 3, 2, 1), pool_size=2, strides=1, padding="same"),
    ("AdaptiveAveragePooling1D", (7, 2), dict(output_size=3)),
    ("AdaptiveAveragePooling2D", (5, 3, 2), dict(output_size=(2, 4))),
    ("GlobalMaxPooling2D", (3, 4, 2), dict(keepdims=True)),
    ("GlobalAveragePooling3D", (2, 3, 2, 2), dict()),
]

SIZES = [
    ("ZeroPadding1D", (4, 2), dict(padding=(0, 2))),
    ("ZeroPadding2D", (2, 3, 2), dict(padding=((1, 0), (0, 2)))),
    ("ZeroPadding3D", (1, 2, 2, 2), dict(padding=(1, 0, 1))),
    ("Cropping2D", (4, 5, 2), dict(cropping=((1, 0), (2, 1)))),
    ("UpSampling2D", (2, 3, 2), dict(size=(3, 2), interpolation="bilinear")),
    ("UpSampling2D", (3, 2, 1), dict(size=2, interpolation="lanczos3")),
    ("UpSampling3D", (1, 2, 2, 1), dict(size=(2, 1, 3))),
    ("Resizing", (3, 8, 1), dict(height=2, width=6, interpolation="nearest", pad_to_aspect_ratio=True)),
    ("Resizing", (6, 5, 1), dict(height=7, width=2, pad_to_aspect_ratio=True, fill_value=1.5)),
    ("Resizing", (5, 3, 1), dict(height=4, width=5, pad_to_aspect_ratio=True)),
    ("Resizing", (3, 7, 1), dict(height=4, width=3, crop_to_aspect_ratio=True)),
    ("Resizing", (7, 5, 1), dict(height=3, width=4, interpolation="lanczos5")),
    ("Resizing", (7, 5, 1), dict(height=3, width=2, antialias=True)),
    ("CenterCrop", (5, 6, 1), dict(height=2, width=3)),
    ("CenterCrop", (3, 6, 1), dict(height=4, width=3)),
]

NORMALIZATION = [
    ("BatchNormalization", (3, 4), dict(axis=1, momentum=0.5, epsilon=0.01)),
    ("BatchNormalization", (2, 3, 2), dict(axis=-1, momentum=0.9, scale=False)),
    ("BatchNormalization", (4,), dict(momentum=0.0, center=False)),
    ("LayerNormalization", (3, 2, 4), dict(axis=[1, 3], epsilon=0.1)),
    ("LayerNormalization", (3, 4), dict(axis=1, center=False)),
    ("GroupNormalization", (3, 2, 6), dict(groups=3, epsilon=0.01)),
    ("GroupNormalization", (4, 3), dict(groups=-1, scale=False)),
    ("RMSNormalization", (3, 4), dict(epsilon=0.1)),
    ("UnitNormalization", (3, 4), dict(axis=[1, 2])),
    ("Softmax", (3, 4), dict(axis=1)),
    ("Softmax", (2, 3, 4), dict(axis=[1, 3])),
    ("PReLU", (3, 4), dict(shared_axes=[1])),
    ("ReLU", (9,), dict(max_value=0.5, negative_slope=0.2, threshold=0.25)),
    ("LeakyReLU", (9,), dict()),
    ("ELU", (9,), dict(alpha=0.3)),
]

FILES = {
    "convolutions": CONVOLUTIONS,
    "pooling": POOLING,
    "sizes": SIZES,
    "normalization": NORMALIZATION,
}


def camel(name):
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def first_small(name):
    return name[0].lower() + name[1:]


def made(name, value):
    for ending, module in (("_constraint", constraints), ("_regularizer", regularizers)):
        if name.endswith(ending):
            kind, options = value
            return getattr(module, kind)(**options)
    return value


def described(value):
    if isinstance(value, tuple) and isinstance(value[0], str):
        kind, options = value
        return {"kind": first_small(kind), **{camel(name): each for name, each in options.items()}}
    return value


def listed(x):
    return [float(str(np.float32(v))) for v in np.asarray(x).ravel()]


def record(kind, shape, options):
    x = keras.Input(shape)
    before = layers.Dense(shape[-1], use_bias=False)
    layer = getattr(layers, kind)(**{name: made(name, value) for name, value in options.items()})
    net = keras.Model(x, layer(before(x)))
    weights = [w for w in net.weights if "seed" not in w.path]
    for seed, weight in enumerate(weights):
        values = numbers(weight.shape, seed) / 2
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    batch = numbers((BATCH, *shape), 11)
    y = net(batch, training=False).numpy()
    target = numbers(y.shape, 12)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(batch, training=True) - target)) + sum(net.losses)
    trained = net.trainable_weights
    for weight, gradient in zip(trained, tape.gradient(loss, [w.value for w in trained])):
        weight.assign(weight - gradient)
        if weight.constraint:
            weight.assign(weight.constraint(weight))
    return {
        "layer": kind,
        "options": {camel(name): described(value) for name, value in options.items()},
        "inputShape": list(shape),
        "weights": [{"name": camel(w.name), "shape": list(w.shape), "after": listed(w)} for w in weights],
        "outputShape": list(y.shape[1:]),
        "y": listed(y),
        "loss": float(str(np.float32(loss))),
    }


def main():
    recorded_json.write(
        {
            f"layers/{name}.json": {
                "kerasVersion": keras.__version__,
                "cases": [record(*case) for case in cases],
            }
            for name, cases in FILES.items()
        }
    )


if __name__ == "__main__":
    main()
