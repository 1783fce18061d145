"""TensorFlow training a recommender; see recommenders.py. tensorflow_recommender.py graph|xla THREADS"""
from tensorflow_training import Adam, parameters_of, training

import tensorflow as tf
from given import EPSILON, serve
from recommenders import ROWS, SIZES, TABLES, WIDTH

tf.config.threading.set_inter_op_parallelism_threads(1)


def update_rows(adam, slot, gradient):
    """Adam of the rows that were read alone, with what arrives at one row summed first."""
    own, m, v = slot
    ids, places = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, places, tf.shape(ids)[0])
    mean = 0.9 * tf.gather(m, ids) + 0.1 * sums
    square = 0.999 * tf.gather(v, ids) + 0.001 * sums * sums
    m.scatter_update(tf.IndexedSlices(mean, ids))
    v.scatter_update(tf.IndexedSlices(square, ids))
    rate = adam.rate * tf.sqrt(1 - adam.powers[1]) / (1 - adam.powers[0])
    epsilon = EPSILON * tf.sqrt(1 - adam.powers[1])
    own.scatter_sub(tf.IndexedSlices(rate * mean / (tf.sqrt(square) + epsilon), ids))


def build(workload, given):
    weights = given.weights()
    tables = [tf.Variable(weights.take(ROWS, WIDTH)) for _ in range(TABLES)]
    layers = [
        (tf.Variable(weights.take(*sizes)), tf.Variable(weights.take(sizes[1])))
        for sizes in zip(SIZES, SIZES[1:])
    ]

    def loss_of(x, y):
        value = tf.concat([tf.gather(table, own) for table, own in zip(tables, tf.unstack(x))], 1)
        for kernel, bias in layers[:-1]:
            value = tf.nn.relu(tf.matmul(value, kernel) + bias)
        kernel, bias = layers[-1]
        logits = (tf.matmul(value, kernel) + bias)[:, 0]
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))

    trained = tables + [own for layer in layers for own in layer]
    adam = Adam(trained)

    def apply(gradients):
        for slot, gradient in zip(adam.slots, gradients):
            by_rows = workload == "recsys-sparse" and isinstance(gradient, tf.IndexedSlices)
            if by_rows:
                update_rows(adam, slot, gradient)
            else:
                adam.update(slot, gradient)
        adam.end()

    batches = zip(given.x.astype("int32"), given.y)
    return training(trained, loss_of, apply, batches), parameters_of(trained)


serve(build)
