"""TensorFlow: a `tf.function` of one step or of many, with TensorFlow's own fused optimizer kernels.

tensorflow_peer.py graph|xla THREADS
"""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from serve import serve

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)


def optimizer_for(spec, weights):
    """Variables that the optimizer keeps with their first values, and the function that applies gradients."""
    rate, epsilon, raw = spec["learningRate"], spec.get("epsilon"), tf.raw_ops
    zeros = lambda: [tf.Variable(tf.zeros_like(weight)) for weight in weights]
    if spec["name"] == "sgd":

        def sgd(gradients):
            for weight, gradient in zip(weights, gradients):
                raw.ResourceApplyGradientDescent(var=weight.handle, alpha=rate, delta=gradient)

        return [], sgd
    if spec["name"] == "rmsprop":
        means, momenta = zeros(), zeros()

        def rmsprop(gradients):
            for weight, mean, momentum, gradient in zip(weights, means, momenta, gradients):
                # This kernel adds epsilon under the root.
                raw.ResourceApplyRMSProp(
                    var=weight.handle, ms=mean.handle, mom=momentum.handle, lr=rate, rho=spec["rho"],
                    momentum=0.0, epsilon=epsilon * epsilon, grad=gradient,
                )  # fmt: skip

        return [(slot, tf.zeros_like(slot)) for slot in means + momenta], rmsprop
    first, second = zeros(), zeros()
    beta1, beta2 = spec["beta1"], spec["beta2"]
    power1, power2 = tf.Variable(beta1), tf.Variable(beta2)

    def adam(gradients):
        # This kernel adds epsilon before the second moment is corrected.
        uncorrected = epsilon * tf.sqrt(1 - power2)
        for weight, m, v, gradient in zip(weights, first, second, gradients):
            raw.ResourceApplyAdam(
                var=weight.handle, m=m.handle, v=v.handle, beta1_power=power1, beta2_power=power2, lr=rate,
                beta1=beta1, beta2=beta2, epsilon=uncorrected, grad=gradient,
            )  # fmt: skip
        power1.assign(power1 * beta1)
        power2.assign(power2 * beta2)

    kept = [(slot, tf.zeros_like(slot)) for slot in first + second]
    return [*kept, (power1, beta1), (power2, beta2)], adam


class Trainer:
    def __init__(self, workload, variant):
        weights = [tf.Variable(value) for value in workload.weights]
        slots, apply = optimizer_for(workload.optimizer, weights)
        self.kept = [*zip(weights, workload.weights), *slots]
        all_x, all_y = tf.constant(workload.x), tf.constant(workload.y)
        first_x, first_y = tf.constant(workload.x[0]), tf.constant(workload.y[0])
        activation = {"relu": tf.nn.relu, "tanh": tf.nn.tanh}[workload.activation]
        last = len(weights) - 2

        def loss_of(x, y):
            value = x
            for index in range(0, len(weights), 2):
                value = tf.nn.bias_add(tf.matmul(value, weights[index]), weights[index + 1])
                if index < last:
                    value = activation(value)
            if not workload.classes:
                return tf.reduce_mean(tf.math.squared_difference(value, y))
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, value))

        def step(x, y):
            with tf.GradientTape() as tape:
                loss = loss_of(x, y)
            apply(tape.gradient(loss, weights))
            return loss

        def walk(at):
            # A slice would have its place compiled in by XLA.
            return step(tf.gather(all_x, at), tf.gather(all_y, at))

        def stay(_):
            return step(first_x, first_y)

        def walk_many(first, steps):
            loss = tf.constant(0.0)
            for index in tf.range(steps):
                loss = walk((first + index) % workload.batches)
            return loss

        def stay_many(first, steps):
            loss = tf.constant(0.0)
            for _ in tf.range(steps):
                loss = stay(first)
            return loss

        self.looped, self.batches = variant == "loop", workload.batches
        chosen = (walk_many, stay_many) if self.looped else (walk, stay)
        self.walk, self.stay = (tf.function(one, jit_compile=mode == "xla") for one in chosen)
        self.places = [tf.constant(place) for place in range(workload.batches)]
        self.at = 0

    def reset(self):
        self.at = 0
        for variable, value in self.kept:
            variable.assign(value)

    def run(self, steps, walks):
        function, places = self.walk if walks else self.stay, self.places
        first, batches = self.at, self.batches
        if walks:
            self.at = (first + steps) % batches
        if self.looped:
            return float(function(places[first], tf.constant(steps)))
        for step in range(first, first + steps):
            loss = function(places[step % batches])
        return float(loss)


serve(tf.__version__, lambda _: ["loop", "step"], Trainer)
