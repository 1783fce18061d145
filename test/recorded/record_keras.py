#!/usr/bin/env python3
"""Records what Keras makes of masks through stacked layers, of states kept from batch
to batch, and of convolutional LSTMs, into keras.

Weights come in the order of `model.get_weights()`. Each case is a list of steps: a
batch that is predicted or trained on, or the states set back.

    pip install keras tensorflow-cpu numpy
    python record_keras.py
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


def padded(rng, shape, lengths):
    x = np.round(rng.uniform(-1, 1, shape) * 64) / 64
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    return x


def reals(rng, *shape):
    return np.round(rng.uniform(-1, 1, shape) * 64) / 64


def mask_stacked(rng):
    """Padding before, between and behind, and a row of nothing else, through layers that pass masks on."""
    net = keras.Sequential(
        [
            keras.Input((7,)),
            layers.Embedding(11, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Bidirectional(layers.GRU(4, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3, activation="tanh")),
            layers.SimpleRNN(3, return_sequences=True, go_backwards=True),
            layers.GRU(4, reset_after=False),
            layers.Dense(2),
        ]
    )
    ids = rng.integers(1, 11, (6, 7))
    ids[0, 4:] = ids[1, :3] = ids[2] = ids[3, 2:5] = ids[4, ::2] = 0
    return net, [("predict", ids, None), ("train", ids, reals(rng, 6, 2)), ("predict", ids, None)]


def mask_loss(rng):
    """A loss of each step that counts, and masks in both directions."""
    net = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="sum"),
            layers.GRU(4, return_sequences=True),
            layers.Dense(2),
        ]
    )
    x = padded(rng, (6, 5, 3), [5, 3, 1, 4, 2, 5])
    steps = [("train", x, reals(rng, 6, 5, 2)) for _ in range(4)]
    return net, [("predict", x, None), *steps, ("predict", x, None)]


def mask_zeros(rng):
    """Zeros, in steps that a mask hides, of what reads both ways."""
    net = keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="ave"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    x = reals(rng, 4, 5, 3)
    x[0, 3:] = x[1, :2] = x[2] = x[3, 1:4] = 0
    steps = [("train", x, reals(rng, 4, 2)) for _ in range(3)]
    return net, [("predict", x, None), *steps, ("predict", x, None)]


def mask_zero_last(rng):
    """A last step that is hidden gives zeros, not what was before."""
    net = keras.Sequential(
        [
            keras.Input((4, 2)),
            layers.Masking(),
            layers.LSTM(3, return_sequences=True, zero_output_for_mask=True),
            layers.GRU(3, zero_output_for_mask=True),
        ]
    )
    x = reals(rng, 4, 4, 2)
    x[0, 3:] = x[1, :2] = x[2] = x[3, 1:3] = 0
    return net, [("predict", x, None), ("train", x, reals(rng, 4, 3)), ("predict", x, None)]


def mask_zeros_read(rng):
    """What reads a sequence that a mask hides in part as a whole: the zeros in it."""
    net = keras.Sequential(
        [
            keras.Input((4, 2)),
            layers.Masking(),
            layers.GRU(3, return_sequences=True, go_backwards=True, zero_output_for_mask=True),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    x = reals(rng, 4, 4, 2)
    x[0, 3:] = x[1, :2] = x[2] = x[3, 1:3] = 0
    return net, [("predict", x, None), ("train", x, reals(rng, 4, 2)), ("predict", x, None)]


def mask_batch_norm(rng):
    """Statistics of the few steps that a mask leaves."""
    net = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Embedding(5, 3, mask_zero=True),
            layers.BatchNormalization(),
            layers.Dense(2),
        ]
    )
    ids = np.array([[1, 0, 2, 0], [0, 0, 0, 3]])
    return net, [("train", ids, reals(rng, 2, 4, 2)) for _ in range(3)]


def attention_axes(rng):
    """Attention along one axis of images, then along both."""
    x = keras.Input((3, 4, 6))
    rows = layers.MultiHeadAttention(2, 3, attention_axes=2)(x, x)
    both = layers.MultiHeadAttention(3, 2, value_dim=4, output_shape=5)(rows, rows)
    net = keras.Model(x, layers.Dense(2)(layers.Flatten()(both)))
    images = reals(rng, 3, 3, 4, 6)
    return net, [
        ("predict", images, None),
        ("train", images, reals(rng, 3, 2)),
        ("predict", images, None),
    ]


def stateful(rng):
    """Two stateful layers over batches that follow one another, in training and not."""
    net = keras.Sequential(
        [
            keras.Input(batch_shape=(3, 2, 4)),
            layers.LSTM(5, stateful=True, return_sequences=True),
            layers.GRU(4, stateful=True),
            layers.Dense(1),
        ]
    )
    batches = [reals(rng, 3, 2, 4) for _ in range(7)]
    steps = [("predict", x, None) for x in batches[:3]] + [("reset", None, None)]
    steps += [("predict", batches[0], None), ("reset", None, None)]
    steps += [("train", x, reals(rng, 3, 1)) for x in batches[3:6]]
    return net, [*steps, ("predict", batches[6], None)]


def stateful_masked(rng):
    """A mask at the beginning of a batch: no output yet, whatever the state is."""
    net = keras.Sequential(
        [
            keras.Input(batch_shape=(2, 3, 2)),
            layers.Masking(),
            layers.SimpleRNN(4, stateful=True, return_sequences=True),
            layers.LSTM(3, stateful=True, return_sequences=True),
        ]
    )
    first, second = reals(rng, 2, 3, 2), reals(rng, 2, 3, 2)
    second[0, 0] = second[1] = 0
    return net, [("predict", first, None), ("predict", second, None), ("predict", first, None)]


def conv_lstm(rng):
    """Strides and padding, then windows with gaps that read backwards."""
    net = keras.Sequential(
        [
            keras.Input((3, 5, 5, 2)),
            layers.ConvLSTM2D(3, (3, 2), strides=(2, 1), padding="same", return_sequences=True),
            layers.ConvLSTM2D(2, 2, dilation_rate=2, go_backwards=True, unit_forget_bias=False),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    x = reals(rng, 2, 3, 5, 5, 2)
    steps = [("train", x, reals(rng, 2, 2)) for _ in range(2)]
    return net, [("predict", x, None), *steps, ("predict", x, None)]


def conv_lstm_stateful(rng):
    """Images that go on from batch to batch."""
    net = keras.Sequential(
        [
            keras.Input(batch_shape=(2, 2, 4, 4, 1)),
            layers.ConvLSTM2D(2, 3, padding="same", stateful=True, recurrent_activation="tanh"),
        ]
    )
    batches = [reals(rng, 2, 2, 4, 4, 1) for _ in range(3)]
    steps = [("predict", x, None) for x in batches]
    return net, [*steps, ("reset", None, None), ("predict", batches[2], None)]


CASES = [
    mask_stacked,
    mask_loss,
    stateful,
    stateful_masked,
    conv_lstm,
    conv_lstm_stateful,
    mask_zeros,
    mask_zero_last,
    mask_zeros_read,
    attention_axes,
    mask_batch_norm,
]


def listed(x):
    return {"shape": list(x.shape), "values": [float(str(np.float32(v))) for v in x.ravel()]}


def record(case, seed):
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    net, steps = case(rng)
    net.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    weights = [np.round(rng.uniform(-0.6, 0.6, w.shape) * 4096) / 4096 for w in net.get_weights()]
    net.set_weights(weights)
    recorded = []
    for kind, x, y in steps:
        if kind == "reset":
            for layer in net.layers:
                if hasattr(layer, "reset_state"):
                    layer.reset_state()
            recorded.append({"kind": kind})
            continue
        given = {"kind": kind, "x": listed(x)}
        if kind == "predict":
            recorded.append({**given, "result": listed(net.predict(x, batch_size=len(x), verbose=0))})
        else:
            loss = net.train_on_batch(x, y)
            recorded.append({**given, "y": listed(y), "loss": float(str(np.float32(loss)))})
    name = case.__name__.replace("_", "-")
    print(name)
    return {
        "name": name,
        "kerasVersion": keras.__version__,
        "weights": [listed(w) for w in weights],
        "steps": recorded,
    }


def main():
    recorded_json.write(
        {f"keras/{made['name']}.json": made for made in (record(case, 3 + i) for i, case in enumerate(CASES))}
    )


if __name__ == "__main__":
    main()
