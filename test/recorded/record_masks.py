#!/usr/bin/env python3
"""Records which layers of Keras pass masks on, and what its losses and metrics make of them, into masks.

    pip install keras tensorflow-cpu numpy
    python record_masks.py
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import re
import warnings

import keras
import numpy as np
import recorded_json
import tensorflow as tf
from keras import layers, losses, metrics

STEPS, FEATURES = 4, 6
COUNTED = [[1, 1, 0, 0], [1, 1, 1, 0]]


def waves(*shape):
    return np.round(np.sin(np.arange(np.prod(shape)) + 1), 3).reshape(shape).astype("float32")


def masked_steps(*shape):
    """What lies in steps that do not count, the mask beside it."""
    x = tf.constant(waves(2, STEPS, *shape))
    x._keras_mask = tf.cast(COUNTED, "bool")
    return x


def masked_pixels(*shape):
    """Images of three channels, of which some pixels are zeros."""
    x = waves(2, *shape, 3)
    x[0, 1:] = x[1, :, 2:] = 0
    return layers.Masking()(x)


def steps():
    x = waves(2, STEPS, FEATURES)
    x[0, 2:] = x[1, 3:] = 0
    return layers.Masking()(x)


def ids():
    x = tf.constant([[1, 2, 0, 0], [3, 0, 4, 0]])
    x._keras_mask = tf.cast(COUNTED, "bool")
    return x


def rows():
    x = waves(2, FEATURES)
    x[1] = 0
    return layers.Masking()(x)


def images():
    return masked_pixels(4, 4)


def volumes():
    return masked_pixels(4, 4, 4)


def frames():
    return masked_steps(3, 3, 1)


def scores():
    return masked_steps()


def two():
    """Whose masks are not the same."""
    other = waves(2, STEPS, FEATURES)
    other[0, :1] = other[1, 3:] = 0
    return [steps(), layers.Masking()(other)]


# Of two arguments, and not of a list of two.
APART = ("grouped_query_attention", "multi_head_attention")

# By name of the layer here, and behind it what else is said of the case: what it reads, and the layer.
LAYERS = {
    "activation": (steps, lambda: layers.Activation("tanh")),
    "activityRegularization": (steps, lambda: layers.ActivityRegularization(l1=0.1)),
    "adaptiveAveragePooling1d": (steps, lambda: layers.AdaptiveAveragePooling1D(2)),
    "adaptiveAveragePooling2d": (images, lambda: layers.AdaptiveAveragePooling2D(2)),
    "adaptiveAveragePooling3d": (volumes, lambda: layers.AdaptiveAveragePooling3D(2)),
    "adaptiveMaxPooling1d": (steps, lambda: layers.AdaptiveMaxPooling1D(2)),
    "adaptiveMaxPooling2d": (images, lambda: layers.AdaptiveMaxPooling2D(2)),
    "adaptiveMaxPooling3d": (volumes, lambda: layers.AdaptiveMaxPooling3D(2)),
    "add": (two, lambda: layers.Add()),
    "additiveAttention": (two, lambda: layers.AdditiveAttention()),
    "alphaDropout": (steps, lambda: layers.AlphaDropout(0.1)),
    "attention": (two, lambda: layers.Attention()),
    "average": (two, lambda: layers.Average()),
    "averagePooling1d": (steps, lambda: layers.AveragePooling1D(2)),
    "averagePooling2d": (images, lambda: layers.AveragePooling2D(2)),
    "averagePooling3d": (volumes, lambda: layers.AveragePooling3D(2)),
    "batchNormalization": (steps, lambda: layers.BatchNormalization()),
    "batchNormalization of images": (images, lambda: layers.BatchNormalization()),
    "bidirectional": (steps, lambda: layers.Bidirectional(layers.GRU(3))),
    "bidirectional of sequences": (steps, lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True))),
    "centerCrop": (images, lambda: layers.CenterCrop(2, 2)),
    "concatenate": (two, lambda: layers.Concatenate()),
    "concatenate of steps": (two, lambda: layers.Concatenate(axis=1)),
    "conv1d": (steps, lambda: layers.Conv1D(3, 2)),
    "conv1dTranspose": (steps, lambda: layers.Conv1DTranspose(3, 2)),
    "conv2d": (images, lambda: layers.Conv2D(3, 2)),
    "conv2dTranspose": (images, lambda: layers.Conv2DTranspose(3, 2)),
    "conv3d": (volumes, lambda: layers.Conv3D(3, 2)),
    "conv3dTranspose": (volumes, lambda: layers.Conv3DTranspose(3, 2)),
    "convLstm2d": (frames, lambda: layers.ConvLSTM2D(2, 2)),
    "convLstm2d of sequences": (frames, lambda: layers.ConvLSTM2D(2, 2, return_sequences=True)),
    "cropping1d": (steps, lambda: layers.Cropping1D(1)),
    "cropping2d": (images, lambda: layers.Cropping2D(1)),
    "cropping3d": (volumes, lambda: layers.Cropping3D(1)),
    "dense": (steps, lambda: layers.Dense(3)),
    "dense of images": (images, lambda: layers.Dense(3)),
    "depthwiseConv1d": (steps, lambda: layers.DepthwiseConv1D(2)),
    "depthwiseConv2d": (images, lambda: layers.DepthwiseConv2D(2)),
    "dot": (two, lambda: layers.Dot(axes=2)),
    "dropout": (steps, lambda: layers.Dropout(0.1)),
    "elu": (steps, lambda: layers.ELU()),
    "embedding": (ids, lambda: layers.Embedding(9, 3)),
    "embedding with maskZero": (ids, lambda: layers.Embedding(9, 3, mask_zero=True)),
    "flatten": (steps, lambda: layers.Flatten()),
    "gaussianDropout": (steps, lambda: layers.GaussianDropout(0.1)),
    "gaussianNoise": (steps, lambda: layers.GaussianNoise(0.1)),
    "globalAveragePooling1d": (steps, lambda: layers.GlobalAveragePooling1D()),
    "globalAveragePooling2d": (images, lambda: layers.GlobalAveragePooling2D()),
    "globalAveragePooling3d": (volumes, lambda: layers.GlobalAveragePooling3D()),
    "globalMaxPooling1d": (steps, lambda: layers.GlobalMaxPooling1D()),
    "globalMaxPooling2d": (images, lambda: layers.GlobalMaxPooling2D()),
    "globalMaxPooling3d": (volumes, lambda: layers.GlobalMaxPooling3D()),
    "groupNormalization": (steps, lambda: layers.GroupNormalization(2)),
    "groupQueryAttention": (two, lambda: layers.GroupQueryAttention(2, 2, 1)),
    "gru": (steps, lambda: layers.GRU(3)),
    "gru of sequences": (steps, lambda: layers.GRU(3, return_sequences=True)),
    "lambda": (steps, lambda: layers.Lambda(lambda x: x * 1.0)),
    "layerNormalization": (steps, lambda: layers.LayerNormalization()),
    "leakyReLU": (steps, lambda: layers.LeakyReLU()),
    "lstm": (steps, lambda: layers.LSTM(3)),
    "lstm of sequences": (steps, lambda: layers.LSTM(3, return_sequences=True)),
    "masking": (steps, lambda: layers.Masking(mask_value=9.0)),
    "maxPooling1d": (steps, lambda: layers.MaxPooling1D(2)),
    "maxPooling2d": (images, lambda: layers.MaxPooling2D(2)),
    "maxPooling3d": (volumes, lambda: layers.MaxPooling3D(2)),
    "maximum": (two, lambda: layers.Maximum()),
    "minimum": (two, lambda: layers.Minimum()),
    "multiHeadAttention": (two, lambda: layers.MultiHeadAttention(2, 2)),
    "multiply": (two, lambda: layers.Multiply()),
    "normalization": (steps, lambda: layers.Normalization(mean=0.0, variance=1.0)),
    "permute": (steps, lambda: layers.Permute((2, 1))),
    "prelu": (steps, lambda: layers.PReLU()),
    "randomBrightness": (images, lambda: layers.RandomBrightness(0.1)),
    "randomContrast": (images, lambda: layers.RandomContrast(0.1)),
    "randomCrop": (images, lambda: layers.RandomCrop(2, 2)),
    "randomErasing": (images, lambda: layers.RandomErasing(0.1)),
    "randomFlip": (images, lambda: layers.RandomFlip()),
    "randomGrayscale": (images, lambda: layers.RandomGrayscale(0.1)),
    "randomHue": (images, lambda: layers.RandomHue(0.1)),
    "randomRotation": (images, lambda: layers.RandomRotation(0.1)),
    "randomSaturation": (images, lambda: layers.RandomSaturation(0.1)),
    "randomShear": (images, lambda: layers.RandomShear(0.1, 0.1)),
    "randomTranslation": (images, lambda: layers.RandomTranslation(0.1, 0.1)),
    "randomZoom": (images, lambda: layers.RandomZoom(0.1)),
    "reLU": (steps, lambda: layers.ReLU()),
    "repeatVector": (rows, lambda: layers.RepeatVector(3)),
    "rescaling": (steps, lambda: layers.Rescaling(0.5)),
    "reshape": (steps, lambda: layers.Reshape((FEATURES, STEPS))),
    "resizing": (images, lambda: layers.Resizing(2, 3)),
    "rmsNormalization": (steps, lambda: layers.RMSNormalization()),
    "rnn": (steps, lambda: layers.RNN(layers.SimpleRNNCell(3))),
    "rnn of sequences": (steps, lambda: layers.RNN(layers.LSTMCell(3), return_sequences=True)),
    "separableConv1d": (steps, lambda: layers.SeparableConv1D(3, 2)),
    "separableConv2d": (images, lambda: layers.SeparableConv2D(3, 2)),
    "simpleRNN": (steps, lambda: layers.SimpleRNN(3)),
    "simpleRNN of sequences": (steps, lambda: layers.SimpleRNN(3, return_sequences=True)),
    "softmax": (scores, lambda: layers.Softmax()),
    "spatialDropout1d": (steps, lambda: layers.SpatialDropout1D(0.1)),
    "spatialDropout2d": (images, lambda: layers.SpatialDropout2D(0.1)),
    "spatialDropout3d": (volumes, lambda: layers.SpatialDropout3D(0.1)),
    "spectralNormalization": (steps, lambda: layers.SpectralNormalization(layers.Dense(3))),
    "subtract": (two, lambda: layers.Subtract()),
    "timeDistributed": (steps, lambda: layers.TimeDistributed(layers.Dense(2))),
    "unitNormalization": (steps, lambda: layers.UnitNormalization()),
    "upSampling1d": (steps, lambda: layers.UpSampling1D(2)),
    "upSampling2d": (images, lambda: layers.UpSampling2D(2)),
    "upSampling3d": (volumes, lambda: layers.UpSampling3D(2)),
    "zeroPadding1d": (steps, lambda: layers.ZeroPadding1D(1)),
    "zeroPadding2d": (images, lambda: layers.ZeroPadding2D(1)),
    "zeroPadding3d": (volumes, lambda: layers.ZeroPadding3D(1)),
}


def plain(tensors):
    return [listed(x) for x in tensors] if isinstance(tensors, list) else listed(tensors)


def listed(x):
    mask = np.array(x._keras_mask).astype(int)
    values = [float(str(v)) for v in np.array(x).ravel()]
    masked = {"maskShape": list(mask.shape), "mask": mask.ravel().tolist()}
    return {"shape": list(x.shape), "values": values, **masked}


def masks_of_layers():
    """For each layer whether its output has a mask, and whether it warned that it ends one."""
    found = {}
    for name, (given, make) in LAYERS.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layer = make()
            output = layer(*given()) if layer.name in APART else layer(given())
        mask = getattr(output, "_keras_mask", None)
        # Of the layer itself, not of what it is made of.
        texts = [str(w.message) for w in caught]
        warned = any(f"'{layer.name}'" in text and "not support masking" in text for text in texts)
        known = None if mask is None else np.array(mask).astype(int).ravel().tolist()
        found[name] = {"reads": given.__name__, "mask": known, "warned": warned}
    kinds = [steps, two, ids, rows, images, volumes, frames, scores]
    pooled = layers.GlobalAveragePooling1D()(steps())
    return {
        "inputs": {kind.__name__: plain(kind()) for kind in kinds},
        "pooled": np.array(pooled).ravel().tolist(),
        "layers": found,
    }


def numbers():
    return "mse", [
        metrics.MeanSquaredError(),
        metrics.MeanAbsoluteError(),
        metrics.RootMeanSquaredError(),
        metrics.CosineSimilarity(),
        metrics.LogCoshError(),
    ]


def yes_or_no():
    return "binary_crossentropy", [
        metrics.BinaryAccuracy(),
        metrics.BinaryCrossentropy(),
        metrics.AUC(),
        metrics.Precision(),
        metrics.Recall(),
        metrics.TruePositives(),
        metrics.FalsePositives(),
        metrics.TrueNegatives(),
        metrics.FalseNegatives(),
        metrics.PrecisionAtRecall(0.5),
        metrics.BinaryIoU([1]),
        metrics.Hinge(),
    ]


def classes():
    return "sparse_categorical_crossentropy", [
        metrics.SparseCategoricalAccuracy(),
        metrics.SparseCategoricalCrossentropy(),
        metrics.SparseTopKCategoricalAccuracy(2),
    ]


HIDDEN = 0.25


class Marked(layers.Layer):
    """Gives its input back; steps that begin with HIDDEN do not count."""

    def __init__(self, marks):
        super().__init__()
        self.supports_masking = True
        self.marks = marks

    def call(self, x):
        return x

    def compute_mask(self, x, previous):
        return keras.ops.not_equal(x[..., 0], HIDDEN) if self.marks else None


def measured(case):
    """What `metrics` and `weighted_metrics` give with the mask, and without one."""
    loss, made = case()
    rng = np.random.default_rng(4)
    units = {"mse": 2, "binary_crossentropy": 1}.get(loss, 3)
    x = np.round(rng.uniform(0.05, 0.95, (3, STEPS, units)), 3)
    if units == 3:
        x = np.round(x / x.sum(-1, keepdims=True), 3)
    x[0, 2:] = x[1, 1] = [HIDDEN, 0.5, 0.25][:units]
    counted = (x[..., 0] != HIDDEN).sum()
    assert counted == 3 * STEPS - 3
    y = rng.integers(0, max(2, units), (3, STEPS) if units == 3 else (3, STEPS, units))
    weights = np.array([2.0, 3.0, 5.0])

    def results(marks, **options):
        net = keras.Sequential([keras.Input((STEPS, units)), Marked(marks)])
        net.compile(loss=loss, **options)
        # With a mask Keras takes weights of steps alone.
        each = np.repeat(weights[:, None], STEPS, 1)
        own = net.evaluate(x, y, sample_weight=each, verbose=0, return_dict=True)
        return {re.sub(r"_\d+$", "", name): float(str(np.float32(value))) for name, value in own.items()}

    return {
        "loss": loss,
        "x": {"shape": list(x.shape), "values": x.ravel().tolist()},
        "y": {"shape": list(y.shape), "values": y.ravel().tolist()},
        "sampleWeight": weights.tolist(),
        "metrics": results(True, metrics=made),
        "weightedMetrics": results(True, weighted_metrics=case()[1]),
        "metricsWithoutMask": results(False, metrics=case()[1]),
    }


if __name__ == "__main__":
    versions = {"kerasVersion": keras.__version__, "tensorflowVersion": tf.__version__}
    cases = {case.__name__: measured(case) for case in (numbers, yes_or_no, classes)}
    recorded_json.write(
        {
            "masks/layers.json": versions | masks_of_layers(),
            "masks/measures.json": versions | {"cases": cases},
        }
    )
