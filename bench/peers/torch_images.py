"""PyTorch training cnn-mnist: for each line with a batch and steps, microseconds of a step.

torch_images.py MODE THREADS. Channels last, which is the faster of the two on these CPUs.
"""
import json
import sys
import time

import torch
from torch import nn

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(1)

model = nn.Sequential(
    nn.Conv2d(1, 32, 3),
    nn.ReLU(),
    nn.Conv2d(32, 64, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(64 * 12 * 12, 128),
    nn.ReLU(),
    nn.Linear(128, 10),
).to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), fused=True)
forward = torch.compile(model) if mode == "compile" else model


def step(x, y):
    optimizer.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(forward(x), y).backward()
    optimizer.step()


warm = False
for line in sys.stdin:
    request = json.loads(line)
    try:
        batch, steps = request["batch"], request["steps"]
        x = torch.rand(steps, batch, 1, 28, 28)
        y = torch.randint(0, 10, (steps, batch))
        batches = [own.contiguous(memory_format=torch.channels_last) for own in x]
        if not warm:
            for own in range(5):
                step(batches[0], y[0])
            warm = True
        started = time.perf_counter()
        for own in range(steps):
            step(batches[own], y[own])
        reply = {"microseconds": (time.perf_counter() - started) / steps * 1e6}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(reply), flush=True)
