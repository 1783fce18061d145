"""PyTorch training a recommender; see recommenders.py. torch_recommender.py eager|compile THREADS"""
import torch
from given import EPSILON, serve
from recommenders import ROWS, SIZES, TABLES, WIDTH
from torch import nn
from torch_training import adam, fill, parameters_of, training

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
        return [adam(model.parameters())]
    # Lazy: moments of rows that are not read stay as they are.
    tables = torch.optim.SparseAdam(list(model.tables.parameters()), eps=EPSILON)
    return [tables, adam(model.dense.parameters())]


def build(workload, given):
    sparse = workload == "recsys-sparse"
    model = Recommender(sparse)
    fill(model, given.weights())
    batches = [(torch.from_numpy(x).long(), torch.from_numpy(y)) for x, y in zip(given.x, given.y)]
    loss_of = nn.functional.binary_cross_entropy_with_logits
    return training(model, loss_of, optimizers_of(model, sparse), batches), parameters_of(model)


serve(build)
