"""TensorFlow training a recommender; see recommenders.py. tensorflow_recommender.py graph|xla THREADS."""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from recommenders import BATCHES, ROWS, SIZES, TABLES, WIDTH
from sequences import serve

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)


def update_rows(own, m, v, gradient, powers):
    """Adam of the rows that were read alone, with what arrives at one row summed first."""
    ids, places = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, places, tf.shape(ids)[0])
    mean = 0.9 * tf.gather(m, ids) + 0.1 * sums
    square = 0.999 * tf.gather(v, ids) + 0.001 * sums * sums
    m.scatter_update(tf.IndexedSlices(mean, ids))
    v.scatter_update(tf.IndexedSlices(square, ids))
    rate = 1e-3 * tf.sqrt(1 - powers[1]) / (1 - powers[0])
    own.scatter_sub(tf.IndexedSlices(rate * mean / (tf.sqrt(square) + 1e-8), ids))


def update(own, m, v, gradient, powers):
    tf.raw_ops.ResourceApplyAdam(
        var=own.handle, m=m.handle, v=v.handle, beta1_power=powers[0], beta2_power=powers[1],
        lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=tf.convert_to_tensor(gradient))


def build(workload, batch):
    make = lambda *shape: tf.Variable(tf.random.normal(shape, stddev=0.06))
    tables = [make(ROWS, WIDTH) for _ in range(TABLES)]
    kernels = [make(*sizes) for sizes in zip(SIZES, SIZES[1:])]
    biases = [make(units) for units in SIZES[1:]]
    x = tf.random.uniform([BATCHES, TABLES, batch], 0, ROWS, tf.int32)
    y = tf.cast(tf.random.uniform([BATCHES, batch], 0, 2, tf.int32), tf.float32)
    weights = tables + kernels + biases
    first = [tf.Variable(tf.zeros_like(own)) for own in weights]
    square = [tf.Variable(tf.zeros_like(own)) for own in weights]
    powers = tf.Variable(0.9), tf.Variable(0.999)

    def loss_of(x, y):
        value = tf.concat([tf.gather(table, own) for table, own in zip(tables, tf.unstack(x))], 1)
        for kernel, bias in zip(kernels[:-1], biases[:-1]):
            value = tf.nn.relu(tf.matmul(value, kernel) + bias)
        logits = (tf.matmul(value, kernels[-1]) + biases[-1])[:, 0]
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))

    @tf.function(jit_compile=mode == "xla")
    def step(at):
        with tf.GradientTape() as tape:
            loss = loss_of(x[at], y[at])
        for own, m, v, gradient in zip(weights, first, square, tape.gradient(loss, weights)):
            by_rows = workload == "recsys-sparse" and isinstance(gradient, tf.IndexedSlices)
            (update_rows if by_rows else update)(own, m, v, gradient, powers)
        powers[0].assign(powers[0] * 0.9)
        powers[1].assign(powers[1] * 0.999)
        return loss

    places = [tf.constant(at) for at in range(BATCHES)]

    def run(steps):
        for number in range(steps):
            loss = step(places[number % BATCHES])
        float(loss)

    return run


serve(build)
