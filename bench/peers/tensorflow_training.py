"""What TensorFlow's training peers have in common: settings, Adam, and the loop of steps.

Imported before tensorflow, which reads its settings once. Scripts are called NAME.py graph|xla THREADS.
"""
import itertools
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from given import EPSILON

tf.config.threading.set_intra_op_parallelism_threads(threads)


def zeros_like(weights):
    return [tf.Variable(tf.zeros_like(own)) for own in weights]


class Adam:
    """Its moments, and TensorFlow's fused kernel of the update."""

    def __init__(self, weights, rate=1e-3):
        self.rate = rate
        self.slots = list(zip(weights, zeros_like(weights), zeros_like(weights)))
        self.powers = tf.Variable(0.9), tf.Variable(0.999)

    def update(self, slot, gradient):
        own, m, v = slot
        # This kernel adds epsilon before the second moment is corrected.
        epsilon = EPSILON * tf.sqrt(1 - self.powers[1])
        tf.raw_ops.ResourceApplyAdam(
            var=own.handle, m=m.handle, v=v.handle, beta1_power=self.powers[0], beta2_power=self.powers[1],
            lr=self.rate, beta1=0.9, beta2=0.999, epsilon=epsilon, grad=tf.convert_to_tensor(gradient),
        )  # fmt: skip

    def end(self):
        """After the updates of a step."""
        self.powers[0].assign(self.powers[0] * 0.9)
        self.powers[1].assign(self.powers[1] * 0.999)

    def apply(self, gradients):
        for slot, gradient in zip(self.slots, gradients):
            self.update(slot, gradient)
        self.end()


def parameters_of(weights):
    return sum(own.shape.num_elements() for own in weights)


def training(weights, loss_of, apply, batches):
    """A function that makes so many steps, each on the next of these pairs of x and y.

    `apply(gradients)` updates the weights by what `loss_of(x, y)` has for gradients.
    """

    @tf.function(jit_compile=mode == "xla")
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(x, y)
        apply(tape.gradient(loss, weights))
        return loss

    following = itertools.cycle([(tf.constant(x), tf.constant(y)) for x, y in batches])

    def run(steps):
        for _ in range(steps):
            loss = step(*next(following))
        return float(loss)

    return run
