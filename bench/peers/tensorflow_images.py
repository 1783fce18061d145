"""TensorFlow training networks of images and sequences, a `tf.function` of one step with its own fused
optimizer kernels; see given.py. tensorflow_images.py graph|xla THREADS
"""
from tensorflow_training import Adam, parameters_of, threads, training, zeros_like

import numpy as np
import tensorflow as tf
from given import NORM_EPSILON, NORM_MOMENTUM, serve

tf.config.threading.set_inter_op_parallelism_threads(threads)
raw = tf.raw_ops


class Network:
    """Weights in the order in which they are asked for, and the functions that use them."""

    def __init__(self, given):
        self.given, self.weights, self.kept = given, [], []

    def weight(self, *shape):
        self.weights.append(tf.Variable(self.given.take(*shape)))
        return self.weights[-1]

    def statistic(self, *shape):
        self.kept.append(tf.Variable(self.given.take(*shape)))
        return self.kept[-1]

    def dense(self, inputs, units):
        kernel, bias = self.weight(inputs, units), self.weight(units)
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def conv(self, size, inputs, outputs, stride=1, padding="SAME", bias=False):
        kernel = self.weight(size, size, inputs, outputs)
        offset = self.weight(outputs) if bias else None

        def apply(x):
            y = tf.nn.conv2d(x, kernel, stride, padding)
            return y if offset is None else tf.nn.bias_add(y, offset)

        return apply

    def depthwise(self, channels, stride):
        kernel = self.weight(3, 3, channels, 1)
        return lambda x: tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")

    def batch_norm(self, channels):
        gamma, beta = self.weight(channels), self.weight(channels)
        mean, variance = self.statistic(channels), self.statistic(channels)
        empty = tf.constant([], tf.float32)

        def apply(x):
            y, own_mean, own_variance, *_ = raw.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=empty, variance=empty, epsilon=NORM_EPSILON,
                is_training=True,
            )  # fmt: skip
            mean.assign_sub((1 - NORM_MOMENTUM) * (mean - own_mean))
            variance.assign_sub((1 - NORM_MOMENTUM) * (variance - own_variance))
            return y

        return apply

    def layer_norm(self, channels):
        gamma, beta = self.weight(channels), self.weight(channels)

        def apply(x):
            mean, variance = tf.nn.moments(x, -1, keepdims=True)
            return (x - mean) * tf.math.rsqrt(variance + 1e-5) * gamma + beta

        return apply


def cnn_mnist(network):
    first = network.conv(3, 1, 32, padding="VALID", bias=True)
    second = network.conv(3, 32, 64, padding="VALID", bias=True)
    hidden, last = network.dense(9216, 128), network.dense(128, 10)

    def apply(x):
        x = tf.nn.relu(second(tf.nn.relu(first(x))))
        x = tf.reshape(tf.nn.max_pool2d(x, 2, 2, "VALID"), [-1, 9216])
        return last(tf.nn.relu(hidden(x)))

    return apply


def resnet_cifar(network):
    first, norm = network.conv(3, 3, 16), network.batch_norm(16)
    blocks = []
    for inputs, outputs, stride in [(16, 16, 1), (16, 32, 2), (32, 64, 2)]:
        pair = [(network.conv(3, inputs, outputs, stride), network.batch_norm(outputs))]
        pair.append((network.conv(3, outputs, outputs), network.batch_norm(outputs)))
        shortcut = None
        if stride > 1:
            shortcut = (network.conv(1, inputs, outputs, stride), network.batch_norm(outputs))
        blocks.append((pair, shortcut))
    last = network.dense(64, 10)

    def apply(x):
        x = tf.nn.relu(norm(first(x)))
        for ((conv1, norm1), (conv2, norm2)), shortcut in blocks:
            inner = norm2(conv2(tf.nn.relu(norm1(conv1(x)))))
            x = tf.nn.relu(inner + (shortcut[1](shortcut[0](x)) if shortcut else x))
        return last(tf.reduce_mean(x, [1, 2]))

    return apply


def mobilenet_block(network):
    blocks = [
        (network.depthwise(inputs, stride), network.batch_norm(inputs))
        + (network.conv(1, inputs, outputs), network.batch_norm(outputs))
        for inputs, outputs, stride in [(32, 64, 1), (64, 128, 2), (128, 128, 1)]
    ]
    last = network.dense(128, 10)

    def apply(x):
        for depthwise, norm1, pointwise, norm2 in blocks:
            x = tf.nn.relu6(norm2(pointwise(tf.nn.relu6(norm1(depthwise(x))))))
        return last(tf.reduce_mean(x, [1, 2]))

    return apply


def tcn(network):
    levels = []
    for level in range(4):
        kernel, bias = network.weight(3, 64, 64), network.weight(64)
        levels.append((2**level, kernel, bias, network.layer_norm(64)))
    last = network.dense(64, 10)

    def apply(x):
        for dilation, kernel, bias, norm in levels:
            padded = tf.pad(x, [[0, 0], [2 * dilation, 0], [0, 0]])
            y = tf.nn.conv1d(padded, kernel, 1, "VALID", dilations=dilation)
            x = tf.nn.relu(norm(tf.nn.bias_add(y, bias)))
        return last(tf.reduce_mean(x, 1))

    return apply


def sgd(weights):
    momenta = zeros_like(weights)

    def apply(gradients):
        for weight, momentum, gradient in zip(weights, momenta, gradients):
            raw.ResourceApplyMomentum(
                var=weight.handle, accum=momentum.handle, lr=0.01, grad=gradient, momentum=0.9
            )

    return apply


def adam(weights):
    return Adam(weights).apply


networks = {
    "cnn-mnist": (cnn_mnist, adam),
    "resnet-cifar": (resnet_cifar, sgd),
    "mobilenet-block": (mobilenet_block, sgd),
    "tcn": (tcn, adam),
}


def build(workload, given):
    make, optimizer = networks[workload]
    network = Network(given.weights())
    logits_of = make(network)
    weights = network.weights

    def loss_of(x, y):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits_of(x)))

    run = training(weights, loss_of, optimizer(weights), zip(given.x, given.y.astype(np.int32)))
    return run, parameters_of(weights + network.kept)


serve(build)
