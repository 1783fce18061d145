"""PyTorch training nets over sequences; see sequences.py. torch_sequence.py MODE THREADS."""
import sys
import time

import torch
import torch_transformer
from sequences import CLASSES, DECAY, INPUTS, LENGTH, RATE, STEPS, UNITS, VOCABULARY, serve
from torch import nn

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(1)


class Recurrent(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell(INPUTS, UNITS)
        self.head = nn.Linear(UNITS, CLASSES)

    def forward(self, x):
        return self.head(self.cell(x)[0][-1])


def training(model, optimizer, x, y):
    forward = torch.compile(model) if mode == "compile" else model

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(forward(x).flatten(0, -2), y.flatten()).backward()
            optimizer.step()

    return run


def transformer(batch, is_fused):
    model = torch_transformer.Transformer(is_fused)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    x, y = (torch.randint(0, VOCABULARY, (batch, STEPS)) for _ in range(2))
    return training(model, optimizer, x, y)


def fastest(*variants):
    """The fastest of several ways to compute the same."""
    times = []
    for run in variants:
        run(3)
        started = time.perf_counter()
        run(5)
        times.append(time.perf_counter() - started)
    return variants[times.index(min(times))]


def build(workload, batch):
    if workload == "generation":
        return torch_transformer.generation(mode)
    if workload == "transformer-char":
        return fastest(transformer(batch, True), transformer(batch, False))
    model = Recurrent({"lstm": nn.LSTM, "gru": nn.GRU}[workload])
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    x, y = torch.randn(LENGTH, batch, INPUTS), torch.randint(0, CLASSES, (batch,))
    return training(model, optimizer, x, y)


serve(build)
