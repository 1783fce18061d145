#!/usr/bin/env python3
"""Records what single layers of Keras compute, and one step of training through them,
into layers: where windows begin and end, what padding counts, which axes are meant.

Numbers come from `numbers`, exact in float32, so that the test makes the same ones. A
dense layer stands before each layer: how it changes is the gradient of the layer's input.

Layers of positions are KerasHub's, what packs pixels into channels TensorFlow's ops.

    pip install keras keras-hub tensorflow-cpu numpy
    python record_layers.py
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import re

import keras
import keras_hub
import numpy as np
import recorded_json
import tensorflow as tf
from keras import constraints, layers, regularizers
from layer_cases import FILES

BATCH = 2
ADAPTED_ROWS = 5

FUNCTIONS = {
    "PixelShuffle": tf.nn.depth_to_space,
    "PixelUnshuffle": tf.nn.space_to_depth,
}
# Their inputs are arguments, not a list.
SPREAD = ("MultiHeadAttention", "GroupQueryAttention")
# By their names here.
RENAMED = {"PositionEmbedding": {"embeddings": "positions"}}


def causal_softmax(scores):
    before = tf.linalg.band_part(tf.ones(scores.shape[-2:]), -1, 0)
    return tf.nn.softmax(tf.where(before > 0, scores, -1e9))


# KerasHub counts distances from the last key: the same for each query, so the same to a softmax.
AFTER = {"AlibiBias": causal_softmax}


def numbers(shape, seed):
    """From -1 to 1 in steps of 1/1024, no two the same: largest ones are never tied."""
    at = np.arange(np.prod(shape), dtype=np.int64)
    return (((at * 7919 + seed * 104729) % 2039 - 1019) / 1024).reshape(shape).astype("float32")


def camel(name):
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def first_small(name):
    return name[0].lower() + name[1:]


def is_named(value):
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


def of_kind(kind, options):
    if kind in FUNCTIONS:
        return layers.Lambda(lambda x: FUNCTIONS[kind](x, **options))
    module = layers if hasattr(layers, kind) else keras_hub.layers
    return getattr(module, kind)(**{name: made(name, value) for name, value in options.items()})


def made(name, value):
    if isinstance(value, list) and all(map(is_named, value)):
        return [made(name, each) for each in value]
    if not is_named(value):
        return value
    for ending, module in (("_constraint", constraints), ("_regularizer", regularizers)):
        if name.endswith(ending):
            kind, options = value
            return getattr(module, kind)(**options)
    return of_kind(*value)


def described(value):
    if isinstance(value, list):
        return [described(each) for each in value]
    if isinstance(value, str):
        return camel(value)
    if not is_named(value):
        return value
    kind, options = value
    return {"kind": first_small(kind), **{camel(name): described(each) for name, each in options.items()}}


def listed(x):
    return [float(str(np.float32(v))) for v in np.asarray(x).ravel()]


def build(kind, shapes, options, call):
    """The network, its layer, and the data: ids for a table, other numbers through a dense layer."""
    layer = of_kind(kind, options)
    ids = options.get("input_dim")
    data = [numbers((BATCH, *shape), 11 + 2 * at) for at, shape in enumerate(shapes)]
    if ids:
        data = [np.abs(np.round(x * 1024)).astype("int32") % ids for x in data]
    ends = [keras.Input(shape, dtype="int32" if ids else "float32") for shape in shapes]
    read = ends if ids else [layers.Dense(end.shape[-1], use_bias=False)(end) for end in ends]
    if hasattr(layer, "adapt"):
        layer.build(read[0].shape)
        layer.adapt(numbers((ADAPTED_ROWS, *shapes[0]), 21))
    y = layer(*read, **call) if kind in SPREAD or len(read) == 1 else layer(read, **call)
    if kind in AFTER:
        y = layers.Lambda(AFTER[kind])(y)
    return keras.Model(ends, y), layer, data


def record(kind, shape, options, call=None):
    shapes = shape if isinstance(shape, list) else [shape]
    net, layer, data = build(kind, shapes, options, call or {})
    adapted = [id(w) for w in layer.weights] if hasattr(layer, "adapt") else []
    weights = [w for w in net.weights if "seed" not in w.path and w.name != "count"]
    for seed, weight in enumerate(weights):
        values = numbers(weight.shape, seed) / 2
        if id(weight) not in adapted:
            weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    y = net(data, training=False).numpy()
    target = numbers(y.shape, 12)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(data, training=True) - target)) + sum(net.losses)
    trained = net.trainable_weights
    for weight, gradient in zip(trained, tape.gradient(loss, [w.value for w in trained])):
        if gradient is not None:
            weight.assign(weight - tf.convert_to_tensor(gradient))
        if weight.constraint:
            weight.assign(weight.constraint(weight))
    renamed = RENAMED.get(kind, {})
    return {
        "layer": kind,
        "options": {camel(name): described(value) for name, value in options.items()},
        **({"call": {camel(name): value for name, value in call.items()}} if call else {}),
        "inputShapes": [list(each) for each in shapes],
        "weights": [
            {"name": renamed.get(w.name, camel(w.name)), "shape": list(w.shape), "after": listed(w)}
            for w in weights
        ],
        "outputShape": list(y.shape[1:]),
        "y": listed(y),
        "loss": float(str(np.float32(loss))),
    }


def main():
    recorded_json.write(
        {
            f"layers/{name}.json": {
                "kerasVersion": keras.__version__,
                "kerasHubVersion": keras_hub.__version__,
                "cases": [record(*case) for case in cases],
            }
            for name, cases in FILES.items()
        }
    )


if __name__ == "__main__":
    main()
