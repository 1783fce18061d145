"""TensorFlow training nets over sequences; see given.py. tensorflow_sequence.py graph|xla THREADS"""
from tensorflow_training import Adam, parameters_of, training

import numpy as np
import tensorflow as tf
import tensorflow_transformer
from given import serve
from sequences import CLASSES, DECAY, INPUTS, LENGTH, RATE, UNITS

tf.config.threading.set_inter_op_parallelism_threads(1)


def crossentropy(logits, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def recurrent(workload, given):
    """Weights, a function from a batch to the loss, and the batches, steps first."""
    weights = given.weights()
    take = lambda *shape: tf.Variable(weights.take(*shape))
    gates = {"lstm": 4, "gru": 3}[workload]
    kernel, recurrent = take(INPUTS, gates * UNITS), take(UNITS, gates * UNITS)
    bias = take(gates * UNITS) if workload == "lstm" else take(2, gates * UNITS)
    head, offset = take(UNITS, CLASSES), take(CLASSES)

    def lstm(state, sums):
        h, c = state
        i, f, g, o = tf.split(sums + tf.matmul(h, recurrent), 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def gru(state, sums):
        h = state[0]
        z, r, g = tf.split(sums, 3, 1)
        hz, hr, hg = tf.split(tf.matmul(h, recurrent) + bias[1], 3, 1)
        z, g = tf.sigmoid(z + hz), tf.tanh(g + tf.sigmoid(r + hr) * hg)
        return (g + z * (h - g),)

    def loss_of(x, y):
        batch = x.shape[1]
        own = bias if workload == "lstm" else bias[0]
        flat = tf.matmul(tf.reshape(x, [LENGTH * batch, INPUTS]), kernel) + own
        state = (tf.zeros([batch, UNITS]),) * (2 if workload == "lstm" else 1)
        for sums in tf.unstack(tf.reshape(flat, [LENGTH, batch, gates * UNITS])):
            state = (lstm if workload == "lstm" else gru)(state, sums)
        return crossentropy(tf.matmul(state[0], head) + offset, y)

    return [kernel, recurrent, bias, head, offset], loss_of, given.x.swapaxes(1, 2)


def transformer(given):
    model = tensorflow_transformer.Transformer(given.weights())
    loss_of = lambda x, y: crossentropy(model.logits_of(x), tf.reshape(y, [-1]))
    return model.weights, loss_of, given.x.astype(np.int32)


def build(workload, given):
    is_transformer = workload == "transformer-char"
    weights, loss_of, x = transformer(given) if is_transformer else recurrent(workload, given)
    adam = Adam(weights, RATE)

    def apply(gradients):
        if is_transformer:
            for own in weights:
                own.assign_sub(RATE * DECAY * own)
        adam.apply(gradients)

    return training(weights, loss_of, apply, zip(x, given.y.astype(np.int32))), parameters_of(weights)


serve(build)
