"""PyTorch training a recommender; see recommenders.py. torch_recommender.py MODE THREADS."""
import sys

import torch
from recommenders import BATCHES, ROWS, SIZES, TABLES, WIDTH
from sequences import serve
from torch import nn

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(1)


class Recommender(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(ROWS, WIDTH, sparse=sparse) for _ in range(TABLES))
        dense = [layer for sizes in zip(SIZES, SIZES[1:]) for layer in (nn.Linear(*sizes), nn.ReLU())]
        self.dense = nn.Sequential(*dense[:-1])

    def forward(self, ids):
        return self.dense(torch.cat([table(own) for table, own in zip(self.tables, ids)], 1))[:, 0]


def optimizers_of(model, sparse):
    if not sparse:
        return [torch.optim.Adam(model.parameters(), fused=True)]
    # Lazy: moments of rows that are not read stay as they are.
    tables = torch.optim.SparseAdam(list(model.tables.parameters()))
    return [tables, torch.optim.Adam(model.dense.parameters(), fused=True)]


def build(workload, batch):
    sparse = workload == "recsys-sparse"
    model = Recommender(sparse)
    optimizers = optimizers_of(model, sparse)
    forward = torch.compile(model) if mode == "compile" else model
    x, y = torch.randint(0, ROWS, (BATCHES, TABLES, batch)), torch.randint(0, 2, (BATCHES, batch)).float()

    def run(steps):
        for step in range(steps):
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            at = step % BATCHES
            nn.functional.binary_cross_entropy_with_logits(forward(x[at]), y[at]).backward()
            for optimizer in optimizers:
                optimizer.step()

    return run


serve(build)
