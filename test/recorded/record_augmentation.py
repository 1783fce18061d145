#!/usr/bin/env python3
"""Records what Keras's layers make of an image at random, into augmentation/keras.json.

Factors are ranges of one number, so that all that is left to chance are the sides, the
places and whether anything happens: `choices` are the images that came out of many
draws. A contrast has no such range: `choices` are those of its least and its most.

    pip install keras tensorflow-cpu numpy
    python record_augmentation.py
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
import recorded_json
from keras import layers
from record_layers import camel, first_small, listed, numbers

SHAPE = (3, 5, 3)


def same(factor):
    return [factor, factor]


UNIT = dict(value_range=[0.0, 1.0])
MAPS = [
    ("RandomTranslation", dict(height_factor=same(0.3), width_factor=same(-0.2))),
    ("RandomRotation", dict(factor=same(0.09))),
    ("RandomZoom", dict(height_factor=same(0.35), width_factor=same(-0.3))),
    ("RandomShear", dict(x_factor=same(0.3), y_factor=same(0.2))),
]
WAYS = [
    dict(),
    dict(fill_mode="wrap", interpolation="nearest"),
    dict(fill_mode="nearest"),
    dict(fill_mode="constant", fill_value=0.25),
]
CASES = [
    *(("RandomFlip", dict(mode=mode)) for mode in ("horizontal", "vertical", "horizontal_and_vertical")),
    ("RandomCrop", dict(height=2, width=4)),
    *((kind, {**options, **way}) for kind, options in MAPS for way in WAYS),
    ("RandomRotation", dict(factor=same(-0.3))),
    ("RandomZoom", dict(height_factor=same(-0.4))),
    ("RandomContrast", dict(factor=[0.3, 0.4], value_range=[-1.0, 2.0])),
    ("RandomBrightness", dict(factor=same(0.3), **UNIT)),
    ("RandomBrightness", dict(factor=same(-0.2), value_range=[0.0, 2.0])),
    ("RandomHue", dict(factor=same(0.3), **UNIT)),
    ("RandomHue", dict(factor=same(1.0), **UNIT)),
    ("RandomSaturation", dict(factor=same(0.3), **UNIT)),
    ("RandomSaturation", dict(factor=same(0.7), **UNIT)),
    ("RandomGrayscale", dict()),
    ("RandomGrayscale", dict(factor=1.0)),
    ("RandomErasing", dict(factor=same(1.0), scale=same(0.3), fill_value=0.25, **UNIT)),
    ("RandomErasing", dict(factor=same(1.0), scale=same(0.6), fill_value=[0.0, 0.5, 3.0], **UNIT)),
    ("RandomErasing", dict(factor=same(0.5), scale=same(1.0), fill_value=0.5, **UNIT)),
]


def record(kind, options):
    layer = getattr(layers, kind)(seed=1, **options)
    image = (numbers((1, *SHAPE), 11) + 1) / 2
    if kind == "RandomContrast":
        less, more = layer.factor
        ends = [np.full((1, 1, 1, 1), factor, "float32") for factor in (1 - less, 1 + more)]
        images = [layer.transform_images(image, {"contrast_factor": factor}) for factor in ends]
    else:
        draws = 200 if kind in ("RandomCrop", "RandomErasing") else 30
        images = [layer(image, training=True) for _ in range(draws)]
    found = {np.round(np.asarray(y), 4).tobytes(): np.asarray(y)[0] for y in images}
    names = {**options, **({"mode": camel(options["mode"])} if kind == "RandomFlip" else {})}
    return {
        "layer": first_small(kind),
        "options": {camel(name): value for name, value in names.items()},
        "infers": listed(layer(image, training=False)),
        "shape": list(next(iter(found.values())).shape),
        "choices": [listed(y) for _, y in sorted(found.items())],
    }


if __name__ == "__main__":
    cases = [record(*case) for case in CASES]
    recorded_json.write(
        {
            "augmentation/keras.json": {
                "kerasVersion": keras.__version__,
                "inputShape": list(SHAPE),
                "cases": cases,
            }
        }
    )
