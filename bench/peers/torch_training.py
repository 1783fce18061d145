"""What PyTorch's training peers have in common: settings, weights in its layouts, and the loop of steps.

Imported before torch is used. Scripts are called NAME.py eager|compile THREADS.
"""
import itertools
import sys

import torch
from given import EPSILON
from torch import nn

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)


def put(parameter, value, order=None):
    """Writes a weight whose axes are those of `value` in this order."""
    value = torch.from_numpy(value)
    parameter.data.copy_(value if order is None else value.permute(order))


def fill_conv(own, weights):
    """Kernels are [out, in, ..sizes] here, [..sizes, in, out] in Keras, depthwise ones [..sizes, in, 1]."""
    inputs, outputs = own.in_channels, own.out_channels
    sizes = list(range(len(own.kernel_size)))
    channels = (inputs, 1) if own.groups > 1 else (inputs, outputs)
    last = [len(sizes), len(sizes) + 1] if own.groups > 1 else [len(sizes) + 1, len(sizes)]
    put(own.weight, weights.take(*own.kernel_size, *channels), last + sizes)
    if own.bias is not None:
        put(own.bias, weights.take(outputs))


def fill_norm(own, weights):
    values = [own.weight, own.bias]
    if isinstance(own, nn.BatchNorm2d):
        values += [own.running_mean, own.running_var]
    for value in values:
        put(value, weights.take(*value.shape))


def fill_linear(own, weights):
    put(own.weight, weights.take(own.in_features, own.out_features), [1, 0])
    put(own.bias, weights.take(own.out_features))


def fill_embedding(own, weights):
    put(own.weight, weights.take(own.num_embeddings, own.embedding_dim))


fillers = {
    nn.Conv1d: fill_conv,
    nn.Conv2d: fill_conv,
    nn.BatchNorm2d: fill_norm,
    nn.LayerNorm: fill_norm,
    nn.Linear: fill_linear,
    nn.Embedding: fill_embedding,
}


def fill(own, weights):
    """Gives a module and those in it their weights, in the order in which they were defined."""
    if hasattr(own, "fill"):
        own.fill(weights)
    elif type(own) in fillers:
        fillers[type(own)](own, weights)
    else:
        for child in own.children():
            fill(child, weights)


def parameters_of(model):
    """How many numbers the network trains or keeps."""
    kept = [own for name, own in model.named_buffers() if "running" in name]
    trained = [own for own in model.parameters() if own.requires_grad]
    return sum(own.numel() for own in trained + kept)


def adam(weights):
    return torch.optim.Adam(weights, eps=EPSILON, fused=True)


def training(model, loss_of, optimizers, batches):
    """A function that makes so many steps, each on the next of these pairs of x and y."""
    forward = torch.compile(model) if mode == "compile" else model
    following = itertools.cycle(batches)

    def run(steps):
        for _ in range(steps):
            x, y = next(following)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss = loss_of(forward(x), y)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        return loss.item()

    return run
