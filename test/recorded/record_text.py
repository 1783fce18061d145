#!/usr/bin/env python3
"""Records what Keras's layers of texts and categories give, into text/layers.json, and TensorFlow's hashes of
texts, into text/hashes.json.

    pip install tensorflow numpy
    python record_text.py
"""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import recorded_json
import tensorflow as tf

WORDS = ["a", "b", "c", "d"]
TABLE = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
TEXTS = [
    "The quick brown fox, the lazy dog!",
    "Don't panic: it's  only   a (small) test.",
    "e-mail me@example.com; 50% off",
    "",
    "a b a c a b",
    "the the the fox",
]
DOCUMENTS = [["a", "d", "d"], ["d", "b", "b"], ["e", "e", "d"]]
NUMBERS = [[12, 1138, 42, 42], [42, 7, 36, -7]]
TOKENS = [12, 36, 1138, 42]
FLOATS = [[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]]
SPREAD = np.round(np.cos(np.arange(240) * 12.9898) ** 3 * 100, 2).reshape(60, 4).tolist()
IDF = [0.25, 0.75, 0.6, 0.4]


def case(layer, data, adapt=None, weights=None, **options):
    return {"layer": layer, "options": options, "adapt": adapt, "data": data, "weights": weights}


TEXT = "TextVectorization"
CASES = [
    case(TEXT, TEXTS, adapt=TEXTS, output_sequence_length=6),
    case(TEXT, TEXTS, adapt=TEXTS),
    case(TEXT, TEXTS, adapt=TEXTS, max_tokens=7, output_sequence_length=3),
    case(TEXT, TEXTS, adapt=TEXTS, standardize="lower", output_sequence_length=8),
    case(TEXT, TEXTS, adapt=TEXTS, standardize="strip_punctuation", output_sequence_length=8),
    case(TEXT, TEXTS, adapt=TEXTS, standardize=None, output_sequence_length=8),
    case(TEXT, TEXTS, adapt=TEXTS, split="character", output_sequence_length=12),
    case(TEXT, TEXTS, adapt=TEXTS, split=None),
    case(TEXT, TABLE, adapt=TABLE, split=None, output_sequence_length=5),
    case(TEXT, TEXTS, adapt=TEXTS, ngrams=2, output_sequence_length=14),
    case(TEXT, TEXTS, adapt=TEXTS, ngrams=(2, 3), output_sequence_length=14),
    case(TEXT, TEXTS, adapt=TEXTS, output_mode="multi_hot"),
    case(TEXT, TEXTS, adapt=TEXTS, output_mode="multi_hot", max_tokens=30, pad_to_max_tokens=True),
    case(TEXT, TEXTS, adapt=TEXTS, output_mode="count", ngrams=2, max_tokens=9),
    case(TEXT, TEXTS, adapt=TEXTS, output_mode="tf_idf"),
    case(TEXT, TEXTS, adapt=TEXTS, output_mode="tf_idf", max_tokens=30, pad_to_max_tokens=True),
    case(TEXT, TEXTS, vocabulary=["fox", "the", "dog"], output_sequence_length=6),
    case("StringLookup", TABLE, vocabulary=WORDS),
    case("StringLookup", TABLE, adapt=TABLE),
    case("StringLookup", TABLE, adapt=TABLE, max_tokens=3),
    case("StringLookup", TABLE, vocabulary=WORDS, mask_token="z"),
    case("StringLookup", TABLE, vocabulary=WORDS, mask_token="z", output_mode="count"),
    case("StringLookup", TABLE, vocabulary=WORDS, num_oov_indices=5, mask_token=""),
    case("StringLookup", [["m", "more than sixteen bytes", "é", ""]], vocabulary=WORDS, num_oov_indices=97),
    case("StringLookup", [["m", "nn", "é"]], vocabulary=WORDS, num_oov_indices=97, salt=[3, 9]),
    case("StringLookup", [["a", "b", "d"]], vocabulary=WORDS, num_oov_indices=0),
    case("StringLookup", ["a", "b", "c", "d", "z"], vocabulary=WORDS, output_mode="one_hot"),
    case("StringLookup", [["a"], ["z"]], vocabulary=WORDS, output_mode="one_hot"),
    case("StringLookup", TABLE, vocabulary=WORDS, output_mode="one_hot"),
    case("StringLookup", TABLE, vocabulary=WORDS, output_mode="multi_hot"),
    case("StringLookup", TABLE, vocabulary=WORDS, output_mode="count", max_tokens=9, pad_to_max_tokens=True),
    case("StringLookup", TABLE, vocabulary=WORDS, idf_weights=IDF, output_mode="tf_idf"),
    case("StringLookup", TABLE, vocabulary=["[UNK]", *WORDS], idf_weights=[0.9, *IDF], output_mode="tf_idf"),
    case("StringLookup", TABLE, adapt=DOCUMENTS, output_mode="tf_idf"),
    case("StringLookup", [[1, 3, 4], [4, 0, 9]], vocabulary=WORDS, invert=True),
    case("StringLookup", [[1, 3, 4], [5, 0, 2]], vocabulary=WORDS, invert=True, mask_token=""),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS),
    case("IntegerLookup", NUMBERS, adapt=NUMBERS),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS, num_oov_indices=3),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS, num_oov_indices=3, oov_method="farmhash"),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS, mask_token=7, num_oov_indices=2),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS, output_mode="multi_hot"),
    case("IntegerLookup", NUMBERS, vocabulary=TOKENS, output_mode="tf_idf", idf_weights=IDF),
    case("IntegerLookup", [[1, 3, 4], [4, 0, 2]], vocabulary=TOKENS, invert=True),
    case("CategoryEncoding", [[3], [2], [0], [1]], num_tokens=4, output_mode="one_hot"),
    case("CategoryEncoding", [[0, 1], [0, 0], [1, 2], [3, 1]], num_tokens=4, output_mode="one_hot"),
    case("CategoryEncoding", [[0, 1], [0, 0], [1, 2], [3, 1]], num_tokens=4),
    case("CategoryEncoding", [[0, 1], [0, 0], [1, 2], [3, 1]], num_tokens=4, output_mode="count"),
    case(
        "CategoryEncoding",
        [[0, 1], [0, 0], [1, 2], [3, 1]],
        weights=[[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]],
        num_tokens=4,
        output_mode="count",
    ),
    case("Hashing", [["A"], ["B"], ["C"], ["D"], ["E"]], num_bins=3),
    case("Hashing", [["A"], ["B"], [""], ["C"], ["D"]], num_bins=3, mask_value=""),
    case("Hashing", [["A"], ["B"], ["C"], ["D"], ["E"]], num_bins=3, salt=[133, 137]),
    case("Hashing", [["A"], ["B"], ["C"], ["D"], ["E"]], num_bins=3, salt=133),
    case("Hashing", NUMBERS, num_bins=50),
    case("Hashing", NUMBERS, num_bins=50, mask_value=42),
    case("Hashing", TABLE, num_bins=7, output_mode="multi_hot"),
    case("Hashing", TABLE, num_bins=7, output_mode="count"),
    case("Discretization", FLOATS, bin_boundaries=[0.0, 1.0, 2.0]),
    case("Discretization", FLOATS, bin_boundaries=[0.0, 1.0, 2.0], output_mode="one_hot"),
    case("Discretization", FLOATS, bin_boundaries=[0.0, 1.0, 2.0], output_mode="count"),
    case("Discretization", FLOATS, adapt=FLOATS, num_bins=4, epsilon=0.01),
    case("Discretization", SPREAD[:6], adapt=SPREAD, num_bins=7),
    case("Discretization", SPREAD[:6], adapt=SPREAD, num_bins=5, epsilon=0.1),
    case("Discretization", SPREAD[:6], adapt=SPREAD, num_bins=3, epsilon=0.3, output_mode="multi_hot"),
]


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


VALUES = ["output_mode", "standardize"]


def option(name, value):
    if name in VALUES and value:
        return camel(value)
    return list(value) if isinstance(value, tuple) else value


def made(given):
    options = given["options"]
    layer = getattr(keras.layers, given["layer"])(**options)
    is_text = given["layer"] in ("TextVectorization", "StringLookup")
    if given["adapt"] is not None:
        adapt = given["adapt"] if is_text else np.array(given["adapt"])
        layer.adapt(adapt)
    data = given["data"]
    tensor = tf.constant(data) if isinstance(np.ravel(data)[0], str) else np.array(data)
    if given["weights"] is None:
        output = layer(tensor)
    else:
        output = layer(tensor, count_weights=np.array(given["weights"], "float32"))
    output = np.array(output)
    values = [v.decode() if isinstance(v, bytes) else v for v in output.ravel().tolist()]
    named = {camel(name): option(name, value) for name, value in options.items()}
    record = {"layer": camel(given["layer"][0].lower() + given["layer"][1:]), "options": named}
    record |= {"adapt": given["adapt"], "data": data, "weights": given["weights"]}
    record |= {"shape": list(output.shape), "values": values}
    if hasattr(layer, "get_vocabulary"):
        record["vocabulary"] = [t if isinstance(t, str) else int(t) for t in layer.get_vocabulary()]
    if given["layer"] == "Discretization":
        record["boundaries"] = [float(bound) for bound in layer.bin_boundaries]
    return {name: value for name, value in record.items() if value is not None}


HASHED = ["", "a", "ab", "abc", "abcd", "abcdefg", "12345678", "exactly 16 bytes", "seventeen bytes !"]
HASHED += ["x" * n for n in (24, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 200, 1000)]
HASHED += ["Größe", "日本語のテキスト", "emoji 🙂 and more than sixty-four bytes, so that the long way is taken"]
BINS = 2**31 - 1


def hashes():
    strong = tf.strings.to_hash_bucket_strong(HASHED, BINS, key=[1234567, 89]).numpy().tolist()
    fast = tf.strings.to_hash_bucket_fast(HASHED, BINS).numpy().tolist()
    return {"bins": BINS, "salt": [1234567, 89], "texts": HASHED, "fast": fast, "strong": strong}


if __name__ == "__main__":
    versions = {"kerasVersion": keras.__version__, "tensorflowVersion": tf.__version__}
    recorded_json.write(
        {
            "text/layers.json": versions | {"cases": [made(each) for each in CASES]},
            "text/hashes.json": versions | hashes(),
        }
    )
