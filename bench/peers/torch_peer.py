"""PyTorch, eager or compiled: fused optimizers, gradients set to none, the loss read once per run.

torch_peer.py eager|compile THREADS
"""
import sys

import torch
import torch.nn.functional as functional
from serve import serve
from torch import nn

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)


def network(workload):
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[workload.activation]
    layers = []
    for inputs, units in zip(workload.sizes[:-1], workload.sizes[1:]):
        layers += [nn.Linear(inputs, units), activation()]
    return nn.Sequential(*layers[:-1])


def optimizer_for(workload, parameters, style):
    spec = workload.optimizer
    rate = spec["learningRate"]
    if spec["name"] == "adam":
        betas = (spec["beta1"], spec["beta2"])
        return torch.optim.Adam(parameters, rate, betas, spec["epsilon"], **{style: True})
    if spec["name"] == "sgd":
        return torch.optim.SGD(parameters, rate, **{style: True})
    # There is no fused RMSprop.
    return torch.optim.RMSprop(parameters, rate, spec["rho"], spec["epsilon"], foreach=style == "foreach")


class Trainer:
    def __init__(self, workload, variant):
        self.model = network(workload)
        self.first = [
            torch.from_numpy(value.T if value.ndim == 2 else value).contiguous() for value in workload.weights
        ]
        style = "foreach" if "foreach" in variant or "optimizer" in variant else "fused"
        self.optimizer = optimizer_for(workload, list(self.model.parameters()), style)
        y = torch.from_numpy(workload.y)
        # A batch is a view, made once.
        self.data = list(zip(torch.from_numpy(workload.x), y.long() if workload.classes else y))
        loss_of = functional.cross_entropy if workload.classes else functional.mse_loss
        model = self.model
        self.loss_of = lambda x, y: loss_of(model(x), y)
        self.update = self.optimizer.step
        self.at = 0
        if mode == "compile":
            self.compile(variant)
        self.reset()

    def compile(self, variant):
        from torch._inductor import config

        torch._dynamo.reset()
        config.cpp_wrapper = "cpp wrapper" in variant
        tuned = "max-autotune-no-cudagraphs" if "autotune" in variant else None
        self.loss_of = torch.compile(self.loss_of, mode=tuned)
        if "optimizer" in variant:
            step = self.optimizer.step
            self.update = torch.compile(lambda: step())
        self.run(3, True)

    @torch.no_grad()
    def reset(self):
        self.at = 0
        for parameter, value in zip(self.model.parameters(), self.first):
            parameter.copy_(value)
        for state in self.optimizer.state.values():
            for value in state.values():
                if torch.is_tensor(value):
                    value.zero_()

    def run(self, steps, walks):
        zero, loss_of, update = self.optimizer.zero_grad, self.loss_of, self.update
        data, first = (self.data, self.at) if walks else (self.data[:1], 0)
        for step in range(first, first + steps):
            x, y = data[step % len(data)]
            zero(set_to_none=True)
            loss = loss_of(x, y)
            loss.backward()
            update()
        if walks:
            self.at = (first + steps) % len(data)
        return float(loss.detach())


def variants(workload):
    if mode == "eager":
        return ["foreach", "single"] if workload.optimizer["name"] == "rmsprop" else ["fused"]
    more = {"mlp-tiny": ["cpp wrapper"], "mlp-wide": ["autotune"]}.get(workload.name, [])
    return ["step", "step and optimizer", *more]


serve(torch.__version__, variants, Trainer)
