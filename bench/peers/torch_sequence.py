"""PyTorch training nets over sequences; see sequences.py. torch_sequence.py MODE THREADS."""
import sys

import torch
from sequences import CLASSES, INPUTS, LENGTH, UNITS, serve
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


def build(workload, batch):
    model = Recurrent({"lstm": nn.LSTM, "gru": nn.GRU}[workload])
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    forward = torch.compile(model) if mode == "compile" else model
    x, y = torch.randn(LENGTH, batch, INPUTS), torch.randint(0, CLASSES, (batch,))

    def run(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(forward(x), y).backward()
            optimizer.step()

    return run


serve(build)
