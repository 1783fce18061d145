"""TensorFlow training nets over sequences; see sequences.py. tensorflow_sequence.py graph|xla THREADS."""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
import tensorflow_transformer
from sequences import CLASSES, DECAY, INPUTS, LENGTH, RATE, STEPS, UNITS, VOCABULARY, serve

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)


def crossentropy(logits, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def recurrent(workload, batch):
    """Weights, and a function that gives the loss."""
    gates = {"lstm": 4, "gru": 3}[workload]
    make = lambda *shape: tf.Variable(tf.random.normal(shape, stddev=0.06))
    kernel, recurrent, head = make(INPUTS, gates * UNITS), make(UNITS, gates * UNITS), make(UNITS, CLASSES)
    bias, second, offset = make(gates * UNITS), make(gates * UNITS), make(CLASSES)
    x = tf.random.normal([LENGTH, batch, INPUTS])
    y = tf.random.uniform([batch], 0, CLASSES, tf.int32)

    def loss_of():
        flat = tf.matmul(tf.reshape(x, [LENGTH * batch, INPUTS]), kernel) + bias
        h = c = tf.zeros([batch, UNITS])
        for sums in tf.unstack(tf.reshape(flat, [LENGTH, batch, gates * UNITS])):
            product = tf.matmul(h, recurrent) + second
            if workload == "lstm":
                i, f, g, o = tf.split(sums + product, 4, 1)
                c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
                h = tf.sigmoid(o) * tf.tanh(c)
            else:
                z, r, g = tf.split(sums, 3, 1)
                hz, hr, hg = tf.split(product, 3, 1)
                z, g = tf.sigmoid(z + hz), tf.tanh(g + tf.sigmoid(r + hr) * hg)
                h = g + z * (h - g)
        return crossentropy(tf.matmul(h, head) + offset, y)

    return [kernel, recurrent, head, bias, second, offset], loss_of


def transformer(batch):
    model = tensorflow_transformer.Transformer(batch)
    x, y = (tf.random.uniform([batch * STEPS], 0, VOCABULARY, tf.int32) for _ in range(2))
    return model.weights, lambda: crossentropy(model.logits_of(x), y)


def build(workload, batch):
    is_transformer = workload == "transformer-char"
    weights, loss_of = transformer(batch) if is_transformer else recurrent(workload, batch)
    first = [tf.Variable(tf.zeros_like(own)) for own in weights]
    square = [tf.Variable(tf.zeros_like(own)) for own in weights]
    powers = tf.Variable(0.9), tf.Variable(0.999)

    @tf.function(jit_compile=mode == "xla")
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of()
        for own, m, v, gradient in zip(weights, first, square, tape.gradient(loss, weights)):
            if is_transformer:
                own.assign_sub(RATE * DECAY * own)
            tf.raw_ops.ResourceApplyAdam(
                var=own.handle, m=m.handle, v=v.handle, beta1_power=powers[0], beta2_power=powers[1],
                lr=RATE, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=tf.convert_to_tensor(gradient))
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        return loss

    def run(steps):
        for _ in range(steps):
            loss = step()
        float(loss)

    return run


serve(build)
