"""PyTorch training networks of images and sequences; see given.py. torch_images.py eager|compile THREADS

Channels last, which is the faster of the two on these CPUs. Paddings are the same on both sides, as
everywhere in PyTorch: the bench compares with a network of its own that has them so.
"""
import torch
from given import NORM_EPSILON, NORM_MOMENTUM, serve
from torch import nn
from torch.nn import functional as F
from torch_training import adam, fill, parameters_of, training

torch.manual_seed(1)


def norm(channels):
    # Its momentum is what Keras calls 1 - momentum.
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=1 - NORM_MOMENTUM)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = norm(outputs)
        shortcut = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs)]
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(*shortcut)

    def forward(self, x):
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(x))


class Causal(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        self.padding = 2 * dilation
        self.conv = nn.Conv1d(64, 64, 3, dilation=dilation)
        self.norm = nn.LayerNorm(64)

    def forward(self, x):  # [batch, time, channels]
        y = self.conv(F.pad(x.transpose(1, 2), (self.padding, 0)))
        return F.relu(self.norm(y.transpose(1, 2)))


class Flatten(nn.Module):
    """Channels last, as they lie."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def separable(inputs, outputs, stride):
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        norm(inputs),
        nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        norm(outputs),
        nn.ReLU6(),
    ]


def pooled(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def cnn_mnist():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Flatten(),
        nn.Linear(64 * 12 * 12, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def resnet_cifar():
    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), norm(16), nn.ReLU(), *blocks, *pooled(64))


def mobilenet_block():
    return nn.Sequential(
        *separable(32, 64, 1), *separable(64, 128, 2), *separable(128, 128, 1), *pooled(128)
    )


def tcn():
    return nn.Sequential(*[Causal(2**level) for level in range(4)], Mean(), nn.Linear(64, 10))


def sgd(weights):
    return torch.optim.SGD(weights, 0.01, momentum=0.9, fused=True)


networks = {
    "cnn-mnist": (cnn_mnist, adam),
    "resnet-cifar": (resnet_cifar, sgd),
    "mobilenet-block": (mobilenet_block, sgd),
    "tcn": (tcn, adam),
}


def images(x):
    """A batch [.., height, width, channels] in PyTorch's order of axes and Keras's order in memory."""
    x = torch.from_numpy(x)
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def build(workload, given):
    make, optimizer = networks[workload]
    model = make()
    if given.x.ndim == 5:
        model = model.to(memory_format=torch.channels_last)
    fill(model, given.weights())
    batches = [(images(x), torch.from_numpy(y).long()) for x, y in zip(given.x, given.y)]
    run = training(model, F.cross_entropy, [optimizer(model.parameters())], batches)
    return run, parameters_of(model)


serve(build)
