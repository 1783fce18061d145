"""The transformer of characters in PyTorch: for training, and for one token after another."""
import math

import numpy as np
import torch
from sequences import BLOCKS, HEADS, SIZE, STEPS, VOCABULARY
from torch import nn
from torch.nn import functional as F
from torch_training import fill, put

WIDTH = SIZE // HEADS


class Block(nn.Module):
    def __init__(self, is_fused):
        super().__init__()
        self.is_fused = is_fused
        self.before_attention, self.before_net = nn.LayerNorm(SIZE), nn.LayerNorm(SIZE)
        self.projections, self.output = nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)
        self.net = nn.Sequential(
            nn.Linear(SIZE, 4 * SIZE), nn.GELU(approximate="tanh"), nn.Linear(4 * SIZE, SIZE)
        )
        self.register_buffer("hidden", torch.full((STEPS, STEPS), -math.inf).triu(1))

    def fill(self, weights):
        take = weights.take
        kernels, biases = zip(*((take(SIZE, HEADS, WIDTH), take(HEADS, WIDTH)) for _ in "qkv"))
        put(self.projections.weight, np.concatenate([own.reshape(SIZE, SIZE) for own in kernels], 1), [1, 0])
        put(self.projections.bias, np.concatenate(biases).reshape(-1))
        put(self.output.weight, take(HEADS, WIDTH, SIZE).reshape(SIZE, SIZE), [1, 0])
        put(self.output.bias, take(SIZE))
        for own in (self.before_attention, self.before_net, self.net):
            fill(own, weights)

    def split(self, x):
        """Queries, keys and values of the steps: [batch, heads, steps, width] each."""
        whole = self.projections(self.before_attention(x))
        return [part.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2) for part in whole.chunk(3, -1)]

    def join(self, x, mixed):
        x = x + self.output(mixed.transpose(1, 2).flatten(-2))
        return x + self.net(self.before_net(x))

    def forward(self, x):
        q, k, v = self.split(x)
        if self.is_fused:
            return self.join(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        scores = q @ k.transpose(-2, -1) / math.sqrt(WIDTH) + self.hidden
        return self.join(x, F.softmax(scores, -1) @ v)

    def next(self, x, keys, values, place):
        """One step, whose keys and values are kept at its place."""
        q, k, v = self.split(x)
        keys[:, :, place : place + 1], values[:, :, place : place + 1] = k, v
        known = slice(0, place + 1)
        return self.join(x, F.scaled_dot_product_attention(q, keys[:, :, known], values[:, :, known]))


class Transformer(nn.Module):
    def __init__(self, is_fused=True):
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, SIZE)
        self.positions = nn.Parameter(0.02 * torch.randn(STEPS, SIZE))
        self.blocks = nn.ModuleList([Block(is_fused) for _ in range(BLOCKS)])
        self.norm, self.head = nn.LayerNorm(SIZE), nn.Linear(SIZE, VOCABULARY)

    def fill(self, weights):
        fill(self.table, weights)
        put(self.positions, weights.take(STEPS, SIZE))
        for own in (self.blocks, self.norm, self.head):
            fill(own, weights)

    def forward(self, ids):
        x = self.table(ids) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def next(self, ids, caches, place):
        x = self.table(ids) + self.positions[place]
        for block, (keys, values) in zip(self.blocks, caches):
            x = block.next(x, keys, values, place)
        return self.head(self.norm(x))


def generation(mode):
    """So many tokens, drawn; a text ends where there are no positions left."""
    model = Transformer().eval()
    step = torch.compile(model.next, dynamic=True) if mode == "compile" else model.next
    kept = lambda: torch.zeros(1, HEADS, STEPS, WIDTH)
    caches = [(kept(), kept()) for _ in range(BLOCKS)]

    def run(tokens):
        with torch.inference_mode():
            ids = torch.zeros(1, 1, dtype=torch.long)
            for made in range(tokens):
                logits = step(ids, caches, made % (STEPS - 1))
                ids = torch.multinomial(torch.softmax(logits[:, -1], -1), 1)
                ids.item()

    return run
