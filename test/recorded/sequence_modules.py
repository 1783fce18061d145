"""Modules of PyTorch whose weights have the names and shapes that chainrule gives them."""

import numpy as np
import torch
from torch import nn


def dyadic(values, bits):
    return np.round(np.asarray(values) * 2.0**bits) / 2.0**bits


class Weights:
    """Makes weights by name, the same in each run, and remembers them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.all = {}

    def make(self, name, shape, fan=None):
        if name not in self.all:
            if name.endswith("gamma"):
                values = self.rng.uniform(0.8, 1.2, shape)
            elif fan is None:
                values = self.rng.uniform(-0.1, 0.1, shape)
            else:
                values = self.rng.uniform(-1, 1, shape) * np.sqrt(3 / fan)
            self.all[name] = dyadic(values, 12)
        return torch.from_numpy(self.all[name])


def put(parameter, value):
    with torch.no_grad():
        parameter.copy_(value)


# --- modules with weights that have chainrule's names and shapes ----------------

# Which of PyTorch's gates (lstm: i f g o; gru: r z n) stand where in a kernel here.
GATES = {"lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}


def fill_recurrent(module, w, prefix, kind, inputs, units, suffix=""):
    order = GATES[kind]
    kernel = w.make(f"{prefix}kernel", [inputs, len(order) * units], inputs)
    recurrent = w.make(f"{prefix}recurrentKernel", [units, len(order) * units], units)
    rows = 2 if kind == "gru" else 1
    bias = w.make(f"{prefix}bias", [rows, len(order) * units] if rows > 1 else [len(order) * units])
    bias = bias.reshape(rows, -1)

    def gates(x):
        parts = x.split(units, -1)
        return torch.cat([parts[gate] for gate in order], -1)

    put(getattr(module, f"weight_ih_l0{suffix}"), gates(kernel).T)
    put(getattr(module, f"weight_hh_l0{suffix}"), gates(recurrent).T)
    put(getattr(module, f"bias_ih_l0{suffix}"), gates(bias)[0])
    put(getattr(module, f"bias_hh_l0{suffix}"), gates(bias)[1] if rows > 1 else 0 * gates(bias)[0])
    if rows == 1:
        # One bias here: the second stays zero.
        getattr(module, f"bias_hh_l0{suffix}").requires_grad_(False)


def recurrent(kind, w, name, inputs, units, both=False):
    module = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](inputs, units, batch_first=True, bidirectional=both)
    module = module.double()
    ways = [("forward/", ""), ("backward/", "_reverse")] if both else [("", "")]
    for way, suffix in ways:
        fill_recurrent(module, w, f"{name}/{way}", kind, inputs, units, suffix)
    return module


def linear(w, name, inputs, units):
    module = nn.Linear(inputs, units).double()
    put(module.weight, w.make(f"{name}/kernel", [inputs, units], inputs).T)
    put(module.bias, w.make(f"{name}/bias", [units]))
    return module


def table(w, name, rows, size, kind=nn.Embedding, **options):
    module = kind(rows, size, **options).double()
    put(module.weight, w.make(f"{name}/embeddings", [rows, size], 1))
    return module


def fill_norm(module, w, name, size):
    put(module.weight, w.make(f"{name}/gamma", [size]))
    put(module.bias, w.make(f"{name}/beta", [size]))


def fill_attention(module, w, name, size, heads):
    each = size // heads
    kernels, biases = [], []
    for part in ("query", "key", "value"):
        kernels.append(w.make(f"{name}/{part}/kernel", [size, heads, each], size).reshape(size, size).T)
        biases.append(w.make(f"{name}/{part}/bias", [heads, each]).reshape(size))
    put(module.in_proj_weight, torch.cat(kernels))
    put(module.in_proj_bias, torch.cat(biases))
    output = w.make(f"{name}/output/kernel", [heads, each, size], size)
    put(module.out_proj.weight, output.reshape(size, size).T)
    put(module.out_proj.bias, w.make(f"{name}/output/bias", [size]))


def fill_net(module, w, name, size, hidden):
    put(module.linear1.weight, w.make(f"{name}/feedForward/kernel", [size, hidden], size).T)
    put(module.linear1.bias, w.make(f"{name}/feedForward/bias", [hidden]))
    put(module.linear2.weight, w.make(f"{name}/feedForwardOutput/kernel", [hidden, size], hidden).T)
    put(module.linear2.bias, w.make(f"{name}/feedForwardOutput/bias", [size]))


def block(kind, w, name, size, heads, hidden, first):
    module = kind(
        size, heads, hidden, dropout=0.0, activation=torch.tanh, batch_first=True, norm_first=first
    ).double()
    fill_attention(module.self_attn, w, f"{name}/selfAttention", size, heads)
    norms = ["selfAttention", "feedForward"]
    if kind is nn.TransformerDecoderLayer:
        fill_attention(module.multihead_attn, w, f"{name}/crossAttention", size, heads)
        norms.insert(1, "crossAttention")
    for number, part in enumerate(norms):
        fill_norm(getattr(module, f"norm{number + 1}"), w, f"{name}/{part}Norm", size)
    fill_net(module, w, name, size, hidden)
    return module
