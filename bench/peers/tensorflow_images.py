"""TensorFlow training networks of images and sequences, a `tf.function` of one step with its own fused
optimizer kernels: for each line with the name of a network, a batch and steps, microseconds of a step.

tensorflow_images.py graph|xla THREADS
"""
import json
import os
import sys
import time

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
source = np.random.default_rng(1)
raw = tf.raw_ops


class Network:
    """Weights, and the functions that use them."""

    def __init__(self):
        self.weights = []

    def weight(self, *shape):
        deviation = (2 / np.prod(shape[:-1])) ** 0.5
        self.weights.append(tf.Variable(source.normal(0, deviation, shape).astype(np.float32)))
        return self.weights[-1]

    def constant(self, size, value):
        self.weights.append(tf.Variable(np.full(size, value, np.float32)))
        return self.weights[-1]

    def dense(self, inputs, units):
        kernel, bias = self.weight(inputs, units), self.constant(units, 0)
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)

    def conv(self, size, inputs, outputs, stride=1, padding="SAME", bias=False):
        kernel = self.weight(size, size, inputs, outputs)
        offset = self.constant(outputs, 0) if bias else None

        def apply(x):
            y = tf.nn.conv2d(x, kernel, stride, padding)
            return y if offset is None else tf.nn.bias_add(y, offset)

        return apply

    def depthwise(self, channels, stride):
        kernel = self.weight(3, 3, channels, 1)
        return lambda x: tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")

    def batch_norm(self, channels):
        gamma, beta = self.constant(channels, 1), self.constant(channels, 0)
        mean, variance = (tf.Variable(np.full(channels, value, np.float32)) for value in (0, 1))
        empty = tf.constant([], tf.float32)

        def apply(x):
            y, own_mean, own_variance, *_ = raw.FusedBatchNormV3(
                x=x, scale=gamma, offset=beta, mean=empty, variance=empty, epsilon=1e-3, is_training=True
            )
            mean.assign_sub(0.01 * (mean - own_mean))
            variance.assign_sub(0.01 * (variance - own_variance))
            return y

        return apply

    def layer_norm(self, channels):
        gamma, beta = self.constant(channels, 1), self.constant(channels, 0)

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
        kernel, bias = network.weight(3, 64, 64), network.constant(64, 0)
        levels.append((2**level, kernel, bias, network.layer_norm(64)))
    last = network.dense(64, 10)

    def apply(x):
        for dilation, kernel, bias, norm in levels:
            padded = tf.pad(x, [[0, 0], [2 * dilation, 0], [0, 0]])
            y = tf.nn.conv1d(padded, kernel, 1, "VALID", dilations=dilation)
            x = tf.nn.relu(norm(tf.nn.bias_add(y, bias)))
        return last(tf.reduce_mean(x, 1))

    return apply


networks = {
    "cnn-mnist": (cnn_mnist, (28, 28, 1), "adam"),
    "resnet-cifar": (resnet_cifar, (32, 32, 3), "sgd"),
    "mobilenet-block": (mobilenet_block, (32, 32, 32), "sgd"),
    "tcn": (tcn, (256, 64), "adam"),
}


class Trainer:
    def __init__(self, name):
        build, self.shape, optimizer = networks[name]
        network = Network()
        apply = build(network)
        weights = network.weights
        first = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        second = [tf.Variable(tf.zeros_like(weight)) for weight in weights] if optimizer == "adam" else []
        power1, power2 = tf.Variable(0.9), tf.Variable(0.999)

        def update(gradients):
            if optimizer == "sgd":
                for weight, momentum, gradient in zip(weights, first, gradients):
                    raw.ResourceApplyMomentum(
                        var=weight.handle, accum=momentum.handle, lr=0.01, grad=gradient, momentum=0.9
                    )
                return
            for weight, m, v, gradient in zip(weights, first, second, gradients):
                raw.ResourceApplyAdam(
                    var=weight.handle, m=m.handle, v=v.handle, beta1_power=power1, beta2_power=power2,
                    lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=gradient,
                )  # fmt: skip
            power1.assign(power1 * 0.9)
            power2.assign(power2 * 0.999)

        def step(x, y):
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, apply(x))
                loss = tf.reduce_mean(losses)
            update(tape.gradient(loss, weights))
            return loss

        self.step = tf.function(step, jit_compile=mode == "xla")

    def batches(self, batch, steps):
        x = [tf.constant(source.random((batch, *self.shape), np.float32)) for _ in range(steps)]
        return x, [tf.constant(source.integers(0, 10, batch).astype(np.int32)) for _ in range(steps)]

    def run(self, x, y):
        for own, labels in zip(x, y):
            loss = self.step(own, labels)
        return float(loss)


trainers = {}
for line in sys.stdin:
    request = json.loads(line)
    try:
        name, batch, steps = request["network"], request["batch"], request["steps"]
        known = name in trainers
        trainer = trainers.get(name) or Trainer(name)
        trainers[name] = trainer
        x, y = trainer.batches(batch, steps)
        if not known:
            trainer.run(x[:3], y[:3])
        started = time.perf_counter()
        trainer.run(x, y)
        reply = {"microseconds": (time.perf_counter() - started) / steps * 1e6}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"[:300]}
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
