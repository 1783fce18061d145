"""PyTorch training nets over sequences; see given.py. torch_sequence.py eager|compile THREADS"""
import torch
import torch_transformer
from fastest import fastest
from given import EPSILON, serve
from sequences import CLASSES, DECAY, INPUTS, RATE, UNITS
from torch import nn
from torch_training import adam, fill, mode, parameters_of, put, training

torch.manual_seed(1)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](INPUTS, UNITS)
        self.head = nn.Linear(UNITS, CLASSES)

    def fill(self, weights):
        cell = self.cell
        # Its GRU has the reset gate first, Keras's the update gate.
        gates = range(4) if isinstance(cell, nn.LSTM) else (1, 0, 2)
        rows = torch.cat([torch.arange(UNITS) + UNITS * gate for gate in gates]).numpy()
        put(cell.weight_ih_l0, weights.take(INPUTS, rows.size)[:, rows], [1, 0])
        put(cell.weight_hh_l0, weights.take(UNITS, rows.size)[:, rows], [1, 0])
        if isinstance(cell, nn.LSTM):
            put(cell.bias_ih_l0, weights.take(rows.size))
            # Keras's has no second bias.
            cell.bias_hh_l0.data.zero_()
            cell.bias_hh_l0.requires_grad_(False)
        else:
            for bias, value in zip((cell.bias_ih_l0, cell.bias_hh_l0), weights.take(2, rows.size)):
                put(bias, value[rows])
        fill(self.head, weights)

    def forward(self, x):
        return self.head(self.cell(x)[0][-1])


def crossentropy(logits, y):
    return nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten())


def transformer(given, is_fused):
    model = torch_transformer.Transformer(is_fused)
    fill(model, given.weights())
    options = {"lr": RATE, "weight_decay": DECAY, "eps": EPSILON, "fused": True}
    optimizer = torch.optim.AdamW(model.parameters(), **options)
    batches = [(torch.from_numpy(x).long(), torch.from_numpy(y).long()) for x, y in zip(given.x, given.y)]
    return training(model, crossentropy, [optimizer], batches), parameters_of(model)


def build(workload, given):
    if workload == "generation":
        return torch_transformer.generation(mode)
    if workload == "transformer-char":
        return fastest(lambda: transformer(given, True), lambda: transformer(given, False), steps=5)
    model = Recurrent(workload)
    fill(model, given.weights())
    # Steps first, which its kernels are made for.
    batches = [
        (torch.from_numpy(x).transpose(0, 1).contiguous(), torch.from_numpy(y).long())
        for x, y in zip(given.x, given.y)
    ]
    trained = [own for own in model.parameters() if own.requires_grad]
    return training(model, crossentropy, [adam(trained)], batches), parameters_of(model)


serve(build)
