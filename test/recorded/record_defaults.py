#!/usr/bin/env python3
"""Records the arguments of Keras's layers, and of its optimizers, with their defaults, into
defaults/keras.json: the arguments that must be given, and the others by name.

    pip install tensorflow
    python record_defaults.py
"""

import inspect
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import recorded_json

# Of models and of what stands around them, not of one layer.
LEFT_OUT = {"Layer", "Wrapper", "InputSpec", "TFSMLayer", "FlaxLayer", "JaxLayer", "TorchModuleWrapper"}


def plain(value):
    """As JSON: lists for tuples, names for what is no number, text or list."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return type(value).__name__


def arguments(made):
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    all_of_them = inspect.signature(made.__init__).parameters.values()
    known = [each for each in all_of_them if each.kind not in kinds and each.name != "self"]
    return {
        "required": [each.name for each in known if each.default is each.empty],
        "defaults": {each.name: plain(each.default) for each in known if each.default is not each.empty},
    }


def members(module, base):
    found = vars(module).items()
    classes = {name: own for name, own in found if inspect.isclass(own) and issubclass(own, base)}
    return {name: arguments(own) for name, own in sorted(classes.items()) if name not in LEFT_OUT}


recorded_json.write(
    {
        "defaults/keras.json": {
            "kerasVersion": keras.__version__,
            "layers": members(keras.layers, keras.Layer),
            "optimizers": members(keras.optimizers, keras.Optimizer),
        }
    }
)
