"""The transformer of characters in TensorFlow, over steps that are rows of one matrix."""
import numpy as np
import tensorflow as tf
from sequences import BLOCKS, HEADS, SIZE, STEPS, VOCABULARY

WIDTH = SIZE // HEADS


class Transformer:
    def __init__(self, given):
        self.given, self.weights = given, []
        self.table, self.positions = self.keep(VOCABULARY, SIZE), self.keep(STEPS, SIZE)
        self.blocks = [self.make_block() for _ in range(BLOCKS)]
        self.last, self.head = self.norm(), self.dense(SIZE, VOCABULARY)
        self.hidden = tf.constant(-1e9) * (1 - tf.linalg.band_part(tf.ones([STEPS, STEPS]), -1, 0))

    def variable(self, value):
        self.weights.append(tf.Variable(value))
        return self.weights[-1]

    def keep(self, *shape):
        return self.variable(self.given.take(*shape))

    def dense(self, inputs, units):
        kernel, bias = self.keep(inputs, units), self.keep(units)
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def projections(self):
        """Queries, keys and values of all heads in one product."""
        parts = [(self.given.take(SIZE, HEADS, WIDTH), self.given.take(HEADS, WIDTH)) for _ in "qkv"]
        kernel = self.variable(np.concatenate([own.reshape(SIZE, SIZE) for own, _ in parts], 1))
        bias = self.variable(np.concatenate([own.reshape(SIZE) for _, own in parts]))
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def joined(self):
        kernel = self.variable(self.given.take(HEADS, WIDTH, SIZE).reshape(SIZE, SIZE))
        bias = self.keep(SIZE)
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def norm(self):
        gamma, beta = self.keep(SIZE), self.keep(SIZE)

        def apply(x):
            mean, variance = tf.nn.moments(x, -1, keepdims=True)
            return (x - mean) * tf.math.rsqrt(variance + 1e-5) * gamma + beta

        return apply

    def make_block(self):
        projections, output = self.projections(), self.joined()
        before_attention, before_net = self.norm(), self.norm()
        hidden, net = self.dense(SIZE, 4 * SIZE), self.dense(4 * SIZE, SIZE)
        return before_attention, projections, output, before_net, hidden, net

    def logits_of(self, ids):
        batch = ids.shape[0]
        x = tf.reshape(tf.gather(self.table, ids) + self.positions, [-1, SIZE])
        for before_attention, projections, output, before_net, hidden, net in self.blocks:
            parts = tf.reshape(projections(before_attention(x)), [batch, STEPS, 3, HEADS, WIDTH])
            q, k, v = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
            scores = tf.matmul(q, k, transpose_b=True) / WIDTH**0.5 + self.hidden
            mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), v), [0, 2, 1, 3])
            x = x + output(tf.reshape(mixed, [-1, SIZE]))
            x = x + net(tf.nn.gelu(hidden(before_net(x)), approximate=True))
        return self.head(self.last(x))
