"""TensorFlow training nets over sequences; see sequences.py. tensorflow_sequence.py graph|xla THREADS."""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from sequences import CLASSES, INPUTS, LENGTH, UNITS, serve

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)


def build(workload, batch):
    gates = {"lstm": 4, "gru": 3}[workload]
    make = lambda *shape: tf.Variable(tf.random.normal(shape, stddev=0.06))
    kernel, recurrent, head = make(INPUTS, gates * UNITS), make(UNITS, gates * UNITS), make(UNITS, CLASSES)
    bias, second, offset = make(gates * UNITS), make(gates * UNITS), make(CLASSES)
    weights = [kernel, recurrent, head, bias, second, offset]
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
        logits = tf.matmul(h, head) + offset
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

    first = [tf.Variable(tf.zeros_like(own)) for own in weights]
    square = [tf.Variable(tf.zeros_like(own)) for own in weights]
    powers = tf.Variable(0.9), tf.Variable(0.999)

    @tf.function(jit_compile=mode == "xla")
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of()
        for own, m, v, gradient in zip(weights, first, square, tape.gradient(loss, weights)):
            tf.raw_ops.ResourceApplyAdam(
                var=own.handle, m=m.handle, v=v.handle, beta1_power=powers[0], beta2_power=powers[1],
                lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient)
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        return loss

    def run(steps):
        for _ in range(steps):
            loss = step()
        float(loss)

    return run


serve(build)
