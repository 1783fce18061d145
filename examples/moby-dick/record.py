"""What PyTorch makes of the networks of examples/moby-dick.ts: the same weights, data, order and steps.

    npx tsx examples/moby-dick.ts both WINDOWS EPOCHS FOLDER
    python examples/moby-dick/record.py EPOCHS FOLDER

writes weights and data to FOLDER, and adds the losses on the last tenth of the book to recorded.json.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH, HEADS = 64, 32, 4


def read_weights(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Network(nn.Module):
    """Weights by the names and in the shapes that they have in the file."""

    def __init__(self, weights):
        super().__init__()
        self.names = {name: f"w{index}" for index, name in enumerate(weights)}
        for name, own in self.names.items():
            self.register_parameter(own, nn.Parameter(weights[name]))

    def of(self, name):
        return getattr(self, self.names[name])

    def dense(self, name, x):
        return x @ self.of(f"{name}/kernel").reshape(x.shape[-1], -1) + self.of(f"{name}/bias").flatten()

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.of(f"{name}/gamma"), self.of(f"{name}/beta"), 1e-5)


class Lstm(Network):
    def __init__(self, weights):
        super().__init__({name: value for name, value in weights.items() if not name.startswith("lstm/")})
        kernel, recurrent, bias = (weights[f"lstm/{name}"] for name in ("kernel", "recurrentKernel", "bias"))
        self.cell = nn.LSTM(kernel.shape[0], recurrent.shape[0], batch_first=True)
        with torch.no_grad():
            self.cell.weight_ih_l0.copy_(kernel.T)
            self.cell.weight_hh_l0.copy_(recurrent.T)
            self.cell.bias_ih_l0.copy_(bias)
            self.cell.bias_hh_l0.zero_()
        # One bias there: the second stays zero.
        self.cell.bias_hh_l0.requires_grad_(False)

    def forward(self, ids):
        return self.dense("head", self.cell(self.of("table/embeddings")[ids])[0])

    def optimizer(self):
        own = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.Adam(own, lr=2e-3, eps=1e-8)


class Transformer(Network):
    def forward(self, ids):
        x = self.of("table/embeddings")[ids] + self.of("positions/positions")
        for name in ("first", "second"):
            x = self.block(name, x)
        return self.dense("head", self.norm("norm", x))

    def block(self, name, x):
        inner = self.norm(f"{name}/selfAttentionNorm", x)
        parts = [self.dense(f"{name}/selfAttention/{part}", inner) for part in ("query", "key", "value")]
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2)
        x = x + self.dense(f"{name}/selfAttention/output", mixed)
        hidden = F.gelu(self.dense(f"{name}/feedForward", self.norm(f"{name}/feedForwardNorm", x)))
        return x + self.dense(f"{name}/feedForwardOutput", hidden)

    def optimizer(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3, weight_decay=0.01, eps=1e-8)


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def train(model, train_x, train_y, epochs):
    optimizer = model.optimizer()
    for _ in range(epochs):
        for x, y in zip(train_x.split(BATCH), train_y.split(BATCH)):
            optimizer.zero_grad(set_to_none=True)
            loss_of(model, x, y).backward()
            optimizer.step()


def test(model, x, y):
    with torch.no_grad():
        losses = [loss_of(model, *part).item() * len(part[0]) for part in zip(x.split(256), y.split(256))]
    return sum(losses) / len(x)


def main(epochs, folder):
    def data(name):
        numbers = np.fromfile(folder / f"{name}.bin", "<i4").astype(np.int64)
        return torch.from_numpy(numbers).view(-1, STEPS)

    torch.set_num_threads(1)
    found = {"windows": len(data("train-x")), "epochs": epochs}
    for name, network in {"lstm": Lstm, "transformer": Transformer}.items():
        model = network(read_weights(folder / f"{name}.safetensors"))
        train(model, data("train-x"), data("train-y"), epochs)
        found[name] = round(test(model, data("test-x"), data("test-y")), 4)
        print(name, found[name], flush=True)
    path = Path(__file__).with_name("recorded.json")
    same = lambda run: (run["windows"], run["epochs"]) == (found["windows"], epochs)
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    runs = [run for run in runs if not same(run)] + [found]
    about = f"nats a character on the last tenth of the book, PyTorch {torch.__version__.split('+')[0]}"
    path.write_text(json.dumps({"about": about, "runs": runs}, indent=2) + "\n")


main(int(sys.argv[1]), Path(sys.argv[2]))
