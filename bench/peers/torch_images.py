"""PyTorch training networks of images and sequences: for each line with the name of a network, a batch and
steps, microseconds of a step.

torch_images.py MODE THREADS. Channels last, which is the faster of the two on these CPUs.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(1)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs) for _ in range(2)])
        same = stride == 1 and inputs == outputs
        shortcut = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.shortcut = nn.Identity() if same else nn.Sequential(*shortcut)

    def forward(self, x):
        inner = F.relu(self.norms[0](self.first(x)))
        return F.relu(self.norms[1](self.second(inner)) + self.shortcut(x))


class Causal(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        self.padding = 2 * dilation
        self.conv = nn.Conv1d(64, 64, 3, dilation=dilation)
        self.norm = nn.LayerNorm(64)

    def forward(self, x):  # [batch, time, channels]
        y = self.conv(F.pad(x.transpose(1, 2), (self.padding, 0)))
        return F.relu(self.norm(y.transpose(1, 2)))


def separable(inputs, outputs, stride):
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    ]


def pooled(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def sgd(weights):
    return torch.optim.SGD(weights, 0.01, momentum=0.9, fused=True)


def adam(weights):
    return torch.optim.Adam(weights, fused=True)


networks = {
    "cnn-mnist": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 12 * 12, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        ),
        (1, 28, 28),
        adam,
    ),
    "resnet-cifar": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            Residual(16, 16, 1),
            Residual(16, 32, 2),
            Residual(32, 64, 2),
            *pooled(64),
        ),
        (3, 32, 32),
        sgd,
    ),
    "mobilenet-block": (
        lambda: nn.Sequential(
            *separable(32, 64, 1), *separable(64, 128, 2), *separable(128, 128, 1), *pooled(128)
        ),
        (32, 32, 32),
        sgd,
    ),
    "tcn": (
        lambda: nn.Sequential(*[Causal(2**level) for level in range(4)], Mean(), nn.Linear(64, 10)),
        (256, 64),
        adam,
    ),
}


class Trainer:
    def __init__(self, name):
        build, self.shape, optimizer = networks[name]
        self.model = build()
        self.flat = len(self.shape) < 3
        if not self.flat:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = optimizer(self.model.parameters())
        self.forward = torch.compile(self.model) if mode == "compile" else self.model

    def batches(self, batch, steps):
        x = torch.rand(steps, batch, *self.shape)
        y = torch.randint(0, 10, (steps, batch))
        if self.flat:
            return list(x), y
        return [own.contiguous(memory_format=torch.channels_last) for own in x], y

    def step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(self.forward(x), y).backward()
        self.optimizer.step()


trainers = {}
for line in sys.stdin:
    request = json.loads(line)
    try:
        name, batch, steps = request["network"], request["batch"], request["steps"]
        known = name in trainers
        trainer = trainers.setdefault(name, None) or Trainer(name)
        trainers[name] = trainer
        x, y = trainer.batches(batch, steps)
        for own in range(0 if known else 5):
            trainer.step(x[0], y[0])
        started = time.perf_counter()
        for own in range(steps):
            trainer.step(x[own], y[own])
        reply = {"microseconds": (time.perf_counter() - started) / steps * 1e6}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(reply), flush=True)
