"""The transformer of characters in TensorFlow, over steps that are rows of one matrix."""
import tensorflow as tf
from sequences import BLOCKS, HEADS, SIZE, STEPS, VOCABULARY

WIDTH = SIZE // HEADS


class Transformer:
    def __init__(self, batch):
        self.batch, self.weights = batch, []
        self.table, self.positions = self.normal(VOCABULARY, SIZE), self.normal(STEPS, SIZE)
        self.blocks = [self.make_block() for _ in range(BLOCKS)]
        self.last, self.head = self.norm(), self.dense(SIZE, VOCABULARY)
        self.hidden = tf.constant(-1e9) * (1 - tf.linalg.band_part(tf.ones([STEPS, STEPS]), -1, 0))

    def keep(self, value):
        self.weights.append(tf.Variable(value))
        return self.weights[-1]

    def normal(self, *shape, deviation=0.02):
        return self.keep(tf.random.normal(shape, stddev=deviation))

    def dense(self, inputs, units):
        kernel, bias = self.normal(inputs, units, deviation=0.06), self.keep(tf.zeros([units]))
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def norm(self):
        gamma, beta = self.keep(tf.ones([SIZE])), self.keep(tf.zeros([SIZE]))

        def apply(x):
            mean, variance = tf.nn.moments(x, -1, keepdims=True)
            return (x - mean) * tf.math.rsqrt(variance + 1e-5) * gamma + beta

        return apply

    def make_block(self):
        parts = [self.norm(), self.dense(SIZE, 3 * SIZE), self.dense(SIZE, SIZE)]
        return parts + [self.norm(), self.dense(SIZE, 4 * SIZE), self.dense(4 * SIZE, SIZE)]

    def logits_of(self, ids):
        sizes = [self.batch, STEPS, SIZE]
        x = tf.reshape(tf.reshape(tf.gather(self.table, ids), sizes) + self.positions, [-1, SIZE])
        for before_attention, projections, output, before_net, hidden, net in self.blocks:
            parts = tf.reshape(projections(before_attention(x)), [self.batch, STEPS, 3, HEADS, WIDTH])
            q, k, v = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
            scores = tf.matmul(q, k, transpose_b=True) / WIDTH**0.5 + self.hidden
            mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), v), [0, 2, 1, 3])
            x = x + output(tf.reshape(mixed, [-1, SIZE]))
            x = x + net(tf.nn.gelu(hidden(before_net(x)), approximate=True))
        return self.head(self.last(x))
