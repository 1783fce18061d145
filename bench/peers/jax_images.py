"""JAX training networks of images and sequences; see given.py. jax_images.py step|loop THREADS

Channels last. XLA's convolutions for CPUs are slow, so sums of shifted images and products of patches are
tried as well.
"""
from fastest import fastest
from jax_steps import adam, crossentropy, parameters_of, runner, zeros_like

import jax
import jax.numpy as jnp
import numpy as np
from given import NORM_EPSILON, NORM_MOMENTUM, serve
from jax import lax

relu, relu6 = jax.nn.relu, jax.nn.relu6


def sides(size, kernel, stride):
    """Keras's padding of an axis so that it is divided by the stride alone: more behind than before."""
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return missing // 2, missing - missing // 2


def padded(x, kernel, stride):
    return jnp.pad(x, ((0, 0), *(sides(size, kernel, stride) for size in x.shape[1:-1]), (0, 0)))


def windows(x, kernel, stride):
    """The pixel of each place of the kernel, for all outputs."""
    height, width = ((size - kernel) // stride + 1 for size in x.shape[1:-1])
    ends = lambda at, size: slice(at, at + (size - 1) * stride + 1, stride)
    return [x[:, ends(i, height), ends(j, width)] for i in range(kernel) for j in range(kernel)]


class Library:
    """XLA's own convolutions."""

    @staticmethod
    def conv(x, w, stride, groups=1):
        axes = ("NHWC", "HWIO", "NHWC")
        options = {"dimension_numbers": axes, "feature_group_count": groups}
        return lax.conv_general_dilated(x, w, (stride, stride), "VALID", **options)

    @staticmethod
    def depthwise(x, w, stride):
        return Library.conv(x, jnp.moveaxis(w, 2, 3), stride, x.shape[-1])

    @staticmethod
    def causal(x, w, dilation):
        axes = ("NWC", "WIO", "NWC")
        options = {"rhs_dilation": (dilation,), "dimension_numbers": axes}
        return lax.conv_general_dilated(x, w, (1,), "VALID", **options)


class ByHand:
    """Products of patches, and sums of shifted images."""

    @staticmethod
    def conv(x, w, stride):
        patches = jnp.concatenate(windows(x, len(w), stride), -1)
        return patches @ w.reshape(-1, w.shape[-1])

    @staticmethod
    def depthwise(x, w, stride):
        places = windows(x, len(w), stride)
        return sum(own * part for own, part in zip(places, w.reshape(-1, x.shape[-1])))

    @staticmethod
    def causal(x, w, dilation):
        steps = x.shape[1] - (len(w) - 1) * dilation
        parts = [x[:, at * dilation : at * dilation + steps] for at in range(len(w))]
        return jnp.concatenate(parts, -1) @ w.reshape(-1, w.shape[-1])


class Training:
    """One forward pass: weights and statistics in the order in which they are asked for, new statistics."""

    def __init__(self, ways, weights, kept):
        self.ways, self.weights, self.kept, self.new = ways, iter(weights), iter(kept), []

    def dense(self, x):
        return x @ next(self.weights) + next(self.weights)

    def conv(self, x, stride=1, same=True):
        w = next(self.weights)
        return self.ways.conv(padded(x, len(w), stride) if same else x, w, stride)

    def depthwise(self, x, stride):
        w = next(self.weights)
        return self.ways.depthwise(padded(x, len(w), stride), w, stride)

    def norm(self, x):
        mean = x.mean((0, 1, 2))
        variance = (x * x).mean((0, 1, 2)) - mean * mean
        for own in (mean, variance):
            self.new.append(NORM_MOMENTUM * next(self.kept) + (1 - NORM_MOMENTUM) * lax.stop_gradient(own))
        scale = lax.rsqrt(variance + NORM_EPSILON) * next(self.weights)
        return (x - mean) * scale + next(self.weights)

    def layer_norm(self, x):
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        return centred * lax.rsqrt(variance + 1e-5) * next(self.weights) + next(self.weights)


def cnn_mnist(net, x):
    x = relu(net.conv(x, same=False) + next(net.weights))
    x = relu(net.conv(x, same=False) + next(net.weights))
    first, second = jnp.maximum(x[:, ::2], x[:, 1::2]), slice(1, None, 2)
    x = jnp.maximum(first[:, :, ::2], first[:, :, second]).reshape(len(x), -1)
    return net.dense(relu(net.dense(x)))


def resnet_cifar(net, x):
    x = relu(net.norm(net.conv(x)))
    for stride in (1, 2, 2):
        inner = net.norm(net.conv(relu(net.norm(net.conv(x, stride)))))
        x = relu(inner + (x if stride == 1 else net.norm(net.conv(x, stride))))
    return net.dense(x.mean((1, 2)))


def mobilenet_block(net, x):
    for stride in (1, 2, 1):
        inner = relu6(net.norm(net.depthwise(x, stride)))
        x = relu6(net.norm(net.conv(inner)))
    return net.dense(x.mean((1, 2)))


def tcn(net, x):
    for level in range(4):
        dilation = 2**level
        y = net.ways.causal(jnp.pad(x, ((0, 0), (2 * dilation, 0), (0, 0))), next(net.weights), dilation)
        x = relu(net.layer_norm(y + next(net.weights)))
    return net.dense(x.mean(1))


networks = {
    "cnn-mnist": (cnn_mnist, "adam"),
    "resnet-cifar": (resnet_cifar, "sgd"),
    "mobilenet-block": (mobilenet_block, "sgd"),
    "tcn": (tcn, "adam"),
}


def training(workload, given, ways):
    logits_of, optimizer = networks[workload]
    numbers = [jnp.array(value) for value in given.values]
    is_kept = [name.rpartition("/")[2].startswith("moving") for name in given.names]
    kept = [own for own, skipped in zip(numbers, is_kept) if skipped]
    weights = [own for own, skipped in zip(numbers, is_kept) if not skipped]

    def loss_of(weights, kept, x, y):
        net = Training(ways, weights, kept)
        return crossentropy(logits_of(net, x), y), net.new

    def step(state, x, y):
        count, weights, moments, kept = state
        (loss, kept), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, kept, x, y)
        if optimizer == "adam":
            return (count + 1, *adam(count + 1, weights, moments, gradients), kept), loss
        moments = [0.9 * own + gradient for own, gradient in zip(moments, gradients)]
        return (count, [w - 0.01 * own for w, own in zip(weights, moments)], moments, kept), loss

    zeros = lambda: zeros_like(weights)
    moments = (zeros(), zeros()) if optimizer == "adam" else zeros()
    run = runner(step, (jnp.float32(0), weights, moments, kept), given.x, given.y.astype(np.int32))
    return run, parameters_of(numbers)


def build(workload, given):
    makers = (lambda ways=ways: training(workload, given, ways) for ways in (Library, ByHand))
    return fastest(*makers, steps=3)


serve(build)
