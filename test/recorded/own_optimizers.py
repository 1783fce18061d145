"""Optimizers that PyTorch lacks, as published."""

import math

import torch
from torch import optim


class Lion(optim.Optimizer):
    """Chen et al. 2023, algorithm 2, as published; PyTorch has none of its own."""

    def __init__(self, parameters, lr, betas, weight_decay):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * p.grad))
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


class Lamb(optim.Optimizer):
    """You et al. 2020, algorithm 2; the decay is decoupled."""

    def __init__(self, parameters, lr, betas, eps, weight_decay):
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                t = state["t"] = state.get("t", 0) + 1
                m = state.setdefault("m", torch.zeros_like(p)).mul_(beta1).add_(p.grad, alpha=1 - beta1)
                v = state.setdefault("v", torch.zeros_like(p)).mul_(beta2).add_(p.grad**2, alpha=1 - beta2)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                r = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + group["eps"])
                size, length = p.norm(), r.norm()
                p.sub_(group["lr"] * (size / length if size * length > 0 else 1.0) * r)


class Ftrl(optim.Optimizer):
    """McMahan et al. 2013, with the options of Keras."""

    def __init__(self, parameters, lr, o):
        super().__init__(parameters, {"lr": lr})
        self.o = o

    @torch.no_grad()
    def step(self):
        o, power = self.o, -self.o.get("learningRatePower", -0.5)
        l1, l2 = o.get("l1RegularizationStrength", 0.0), o.get("l2RegularizationStrength", 0.0)
        l2 = l2 + o.get("beta", 0.0) / (2 * self.param_groups[0]["lr"])
        shrinkage = o.get("l2ShrinkageRegularizationStrength", 0.0)
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                n = state.setdefault("n", torch.full_like(p, o.get("initialAccumulatorValue", 0.1)))
                z = state.setdefault("z", torch.zeros_like(p))
                after = n + p.grad**2
                z.add_(p.grad + 2 * shrinkage * p - (after**power - n**power) / group["lr"] * p)
                n.copy_(after)
                p.copy_((z.clamp(-l1, l1) - z) / (n**power / group["lr"] + 2 * l2))


class Muon(optim.Optimizer):
    """Jordan 2024, at the precision of the weights; PyTorch's own computes in bfloat16."""

    def __init__(self, parameters, lr, momentum, nesterov, steps, weight_decay):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.momentum, self.nesterov, self.steps = momentum, nesterov, steps

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                mean = self.state[p].setdefault("m", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - self.momentum)
                x = p.grad.lerp(mean, self.momentum) if self.nesterov else mean.clone()
                x = x / x.norm().clamp(min=1e-7)
                for _ in range(self.steps):
                    gram = x @ x.T
                    x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * math.sqrt(max(1, p.shape[0] / p.shape[1])) * x)


class Together:
    """Optimizers, each of its own weights."""

    def __init__(self, *members):
        self.members = members

    def step(self):
        for member in self.members:
            member.step()

    def zero_grad(self):
        for member in self.members:
            member.zero_grad()
