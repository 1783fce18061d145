#!/usr/bin/env python3
"""Records runs of every optimizer, clipping and schedule with PyTorch.

All start from the same weights and walk through the same data; one file,
optimizers/runs.json, holds both and a list of runs. The options of a run have
the library's names. Each run is made in float32 and in float64 and must not
drift apart, as in record.py, which says more.

    pip install torch numpy
    python record_optimizers.py
"""

import math

import numpy as np
import record
import recorded_json
import torch
import torch.nn.functional as F
from own_optimizers import Ftrl, Lamb, Lion, Muon, Together
from torch import nn, optim
from torch.optim import lr_scheduler

SIZES = [6, 12, 3]
SEED = 5


# --- from the library's options to PyTorch's --------------------------------


def make_single(weights, o):
    lr, kind = o["learningRate"], o["kind"]
    if kind == "sgd":
        return optim.SGD(weights, lr=lr, momentum=o["momentum"])
    assert kind == "adam"
    return optim.Adam(weights, lr=lr, eps=o["epsilon"])


def make_optimizer(layers, o):
    kernels, biases = [l.weight for l in layers], [l.bias for l in layers]
    decay = o.get("weightDecay", 0.0)
    groups = [{"params": kernels + biases}]
    if o.get("excludeFromWeightDecay") == ["bias"]:
        groups = [{"params": kernels}, {"params": biases, "weight_decay": 0.0}]
    lr = o["learningRate"] if isinstance(o["learningRate"], float) else 1.0
    rest = {"lr": lr, "weight_decay": decay}
    betas = {"betas": (o.get("beta1", 0.9), o.get("beta2", 0.999))}
    eps = {"eps": o.get("epsilon", 1e-7)}
    decoupled = {"decoupled_weight_decay": o.get("decoupledWeightDecay", True)}
    name = o["name"]
    if name == "sgd":
        return optim.SGD(groups, momentum=o.get("momentum", 0.0), nesterov=o.get("nesterov", False), **rest)
    if name == "rmsprop":
        more = {"momentum": o.get("momentum", 0.0), "centered": o.get("centered", False)}
        return optim.RMSprop(groups, alpha=o.get("rho", 0.9), **more, **eps, **rest)
    if name == "adagrad":
        initial = o.get("initialAccumulatorValue", 0.1)
        return optim.Adagrad(groups, initial_accumulator_value=initial, **eps, **rest)
    if name == "adadelta":
        return optim.Adadelta(groups, rho=o.get("rho", 0.95), **eps, **rest)
    if name == "adamax":
        return optim.Adamax(groups, **betas, **eps, **rest)
    if name == "nadam":
        speed = o.get("momentumDecay", 0.004)
        return optim.NAdam(groups, momentum_decay=speed, **betas, **eps, **decoupled, **rest)
    if name == "radam":
        return optim.RAdam(groups, **betas, **eps, **decoupled, **rest)
    if name == "lamb":
        return Lamb(groups, lr, betas["betas"], eps["eps"], decay)
    if name == "ftrl":
        return Ftrl(groups, lr, o)
    if name == "adafactor":
        # With a threshold of None, PyTorch's first epsilon is that of the type.
        epsilons = (o.get("epsilon1", 1e-30), o.get("epsilon2", 1e-3))
        more = {"beta2_decay": o.get("beta2Decay", -0.8), "d": o.get("clipThreshold", 1.0)}
        return optim.Adafactor(groups, eps=epsilons, **more, **rest)
    if name == "muon":
        own = (o.get("momentum", 0.95), o.get("nesterov", True), o.get("nsSteps", 5))
        matrices = Muon(kernels, lr, *own, decay)
        vectors = optim.AdamW(biases, lr=lr * o.get("adamRateRatio", 1.0), weight_decay=0.0, **eps)
        return Together(matrices, vectors)
    if name == "grouped":
        (group,) = o["groups"]
        assert group["weights"] == ["kernel"]
        members = [(kernels, group["optimizer"]), (biases, o["otherwise"])]
        return Together(*(make_single(weights, own) for weights, own in members))
    if name == "lion":
        return Lion(groups, lr, (o.get("beta1", 0.9), o.get("beta2", 0.99)), decay)
    make = optim.AdamW if name == "adamw" else optim.Adam
    return make(groups, amsgrad=o.get("amsgrad", False), **betas, **eps, **rest)


def make_schedule(optimizer, s):
    """The optimizer's rate is 1 before; a schedule of PyTorch's own makes it follow ours."""
    kind = s["kind"]
    first = s.get("initialLearningRate", 1.0)
    steps = s.get("decaySteps")
    for group in optimizer.param_groups:
        group["lr"] = first
        group["initial_lr"] = first
    if kind == "stepDecay":
        return lr_scheduler.StepLR(optimizer, steps, gamma=s["decayRate"])
    if kind == "exponentialDecay":
        return lr_scheduler.ExponentialLR(optimizer, gamma=s["decayRate"] ** (1 / steps))
    if kind == "polynomialDecay":
        return lr_scheduler.PolynomialLR(optimizer, steps, power=s["power"])
    if kind == "piecewiseConstant":
        # Ours holds up to and with a boundary.
        ratio = s["values"][1] / s["values"][0]
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] = s["values"][0]
        return lr_scheduler.MultiStepLR(optimizer, [b + 1 for b in s["boundaries"]], gamma=ratio)
    if kind == "inverseTimeDecay":
        return lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + s["decayRate"] * t / steps))
    if kind == "cosineDecayRestarts":
        least = s["alpha"] * first
        return lr_scheduler.CosineAnnealingWarmRestarts(
            optimizer, s["firstDecaySteps"], T_mult=s["tMul"], eta_min=least
        )
    if kind == "oneCycle":
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=s["maxLearningRate"],
            total_steps=s["totalSteps"],
            pct_start=s.get("warmupShare", 0.3),
            anneal_strategy=s.get("annealStrategy", "cos"),
            div_factor=s.get("divFactor", 25.0),
            final_div_factor=s.get("finalDivFactor", 1e4),
            cycle_momentum=False,
        )
    assert kind == "cosineDecay"
    if "warmupSteps" not in s:
        return lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=s["alpha"] * first)
    # From initialLearningRate to warmupTarget in a line, then down along the cosine.
    warm, top = s["warmupSteps"], s["warmupTarget"]
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = top
    rise = lr_scheduler.LinearLR(optimizer, start_factor=first / top, total_iters=warm)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=s["alpha"] * top)
    return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[warm])


def clip(parameters, o):
    if "clipValue" in o:
        nn.utils.clip_grad_value_(parameters, o["clipValue"])
    if "clipNorm" in o:
        for p in parameters:
            nn.utils.clip_grad_norm_([p], o["clipNorm"])
    if "globalClipNorm" in o:
        nn.utils.clip_grad_norm_(parameters, o["globalClipNorm"])


# --- runs -------------------------------------------------------------------


def sgd(**options):
    return {"name": "sgd", "learningRate": 0.1, "momentum": 0.8, **options}


def scheduled(kind, **options):
    return {"name": "sgd", "learningRate": {"kind": kind, **options}, "momentum": 0.5}


def adam_like(name, rate=0.01, **options):
    return {"name": name, "learningRate": rate, **options}


COUPLED = {"weightDecay": 0.01, "decoupledWeightDecay": False}
DECAY = {"weightDecay": 0.1, "decoupledWeightDecay": True}
BIASES = {"excludeFromWeightDecay": ["bias"]}

RUNS = {
    "sgd": {"name": "sgd", "learningRate": 0.5},
    "sgd, L2": {"name": "sgd", "learningRate": 0.5, **COUPLED},
    "momentum": sgd(),
    "momentum, L2": sgd(**COUPLED),
    "nesterov": sgd(nesterov=True),
    "nesterov, L2 of kernels": sgd(nesterov=True, **COUPLED, **BIASES),
    "rmsprop": adam_like("rmsprop", rho=0.95, epsilon=1e-5),
    "rmsprop, momentum": adam_like("rmsprop", 0.003, momentum=0.7, epsilon=1e-5),
    "rmsprop, centered": adam_like("rmsprop", centered=True, rho=0.95, epsilon=1e-3),
    "rmsprop, centered, momentum, L2": adam_like(
        "rmsprop", 0.003, centered=True, momentum=0.7, epsilon=1e-3, **COUPLED
    ),
    "adagrad": adam_like("adagrad", 0.1, initialAccumulatorValue=0.1),
    "adagrad from nothing, L2": adam_like("adagrad", 0.05, initialAccumulatorValue=0.0, **COUPLED),
    "adadelta": adam_like("adadelta", 1.0, rho=0.9, epsilon=1e-4),
    "adadelta, L2": adam_like("adadelta", 1.0, rho=0.95, epsilon=1e-4, **COUPLED),
    "adam": adam_like("adam", epsilon=1e-7),
    "adam, amsgrad": adam_like("adam", 0.05, beta2=0.9, amsgrad=True, epsilon=1e-6),
    "adam, L2": adam_like("adam", epsilon=1e-6, **COUPLED),
    "adamw": adam_like("adamw", weightDecay=0.1, epsilon=1e-6),
    "adamw of kernels, amsgrad": adam_like(
        "adamw", 0.05, weightDecay=0.1, amsgrad=True, beta2=0.9, epsilon=1e-6, **BIASES
    ),
    "adamax": adam_like("adamax", 0.02, epsilon=1e-6),
    "adamax, L2": adam_like("adamax", 0.02, epsilon=1e-6, **COUPLED),
    "nadam": adam_like("nadam", epsilon=1e-6),
    "nadam, decay": adam_like("nadam", epsilon=1e-6, momentumDecay=0.1, **DECAY),
    "radam": adam_like("radam", 0.02, epsilon=1e-6),
    "radam, short memory, decay": adam_like("radam", 0.02, beta2=0.95, epsilon=1e-6, **DECAY),
    "lion": adam_like("lion", 0.003),
    "lion, decay": adam_like("lion", 0.003, beta1=0.95, beta2=0.98, **DECAY),
    "clipValue": sgd(clipValue=0.02),
    "clipNorm": sgd(clipNorm=0.1),
    "globalClipNorm": sgd(globalClipNorm=0.15),
    "globalClipNorm, adam, L2": adam_like("adam", epsilon=1e-4, globalClipNorm=0.15, **COUPLED),
    "stepDecay": scheduled("stepDecay", initialLearningRate=0.4, decaySteps=15, decayRate=0.5),
    "exponentialDecay": scheduled("exponentialDecay", initialLearningRate=0.4, decaySteps=20, decayRate=0.4),
    "polynomialDecay": scheduled(
        "polynomialDecay", initialLearningRate=0.4, decaySteps=40, power=2.0, endLearningRate=0.0
    ),
    "inverseTimeDecay": scheduled("inverseTimeDecay", initialLearningRate=0.4, decaySteps=10, decayRate=0.5),
    "piecewiseConstant": scheduled("piecewiseConstant", boundaries=[19, 34], values=[0.4, 0.2, 0.1]),
    "cosineDecay": scheduled("cosineDecay", initialLearningRate=0.4, decaySteps=50, alpha=0.1),
    "cosineDecay after a warm-up": scheduled(
        "cosineDecay", initialLearningRate=0.05, warmupTarget=0.4, warmupSteps=10, decaySteps=40, alpha=0.1
    ),
    "cosineDecayRestarts": scheduled(
        "cosineDecayRestarts", initialLearningRate=0.4, firstDecaySteps=10, tMul=2, alpha=0.05
    ),
    "oneCycle": scheduled("oneCycle", maxLearningRate=0.5, totalSteps=50),
    "oneCycle, straight": scheduled(
        "oneCycle",
        maxLearningRate=0.5,
        totalSteps=50,
        warmupShare=0.4,
        annealStrategy="linear",
        divFactor=10.0,
        finalDivFactor=100.0,
    ),
    "useEma": adam_like("adam", 0.02, epsilon=1e-6, useEma=True, emaMomentum=0.9),
    "gradientAccumulationSteps": adam_like("adam", 0.02, epsilon=1e-6, gradientAccumulationSteps=4),
    "gradientAccumulationSteps, globalClipNorm, L2": sgd(
        gradientAccumulationSteps=2, globalClipNorm=0.15, **COUPLED
    ),
}


# In a file of their own: one would be too large.
LATER = {
    "lamb": adam_like("lamb", 0.02, epsilon=1e-6),
    "lamb of kernels, decay": adam_like("lamb", 0.02, epsilon=1e-6, beta2=0.99, **DECAY, **BIASES),
    "ftrl": adam_like("ftrl", 0.2),
    "ftrl, every option": adam_like(
        "ftrl",
        0.2,
        learningRatePower=-0.4,
        initialAccumulatorValue=0.2,
        l1RegularizationStrength=0.002,
        l2RegularizationStrength=0.01,
        l2ShrinkageRegularizationStrength=0.003,
        beta=0.05,
    ),
    "adafactor": adam_like("adafactor", 0.1),
    "adafactor, short memory": adam_like(
        "adafactor", 0.05, beta2Decay=-0.6, epsilon2=0.01, clipThreshold=1.2
    ),
    "muon": adam_like("muon", 0.02, epsilon=1e-6, weightDecay=0.0),
    "muon, without nesterov, decay of kernels": adam_like(
        "muon", 0.02, epsilon=1e-6, momentum=0.8, nesterov=False, adamRateRatio=0.5, weightDecay=0.1, **BIASES
    ),
    "grouped": {
        "name": "grouped",
        "learningRate": 1.0,
        "groups": [
            {
                "weights": ["kernel"],
                "optimizer": {"kind": "sgd", "learningRate": 0.2, "momentum": 0.7},
            }
        ],
        "otherwise": {"kind": "adam", "learningRate": 0.01, "epsilon": 1e-6},
    },
}


def train(options, weights, x, y, dtype):
    layers = []
    for kernel, bias in weights:
        layer = nn.Linear(*kernel.shape, dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        layers.append(layer)
    model = nn.ModuleList(layers)
    optimizer = make_optimizer(layers, options)
    rate = options["learningRate"]
    schedule = None if isinstance(rate, float) else make_schedule(optimizer, rate)
    mean = optim.swa_utils.get_ema_multi_avg_fn(options.get("emaMomentum", 0.99))
    average = optim.swa_utils.AveragedModel(model, multi_avg_fn=mean) if options.get("useEma") else None
    every = options.get("gradientAccumulationSteps", 1)
    x, y = torch.from_numpy(x).to(dtype), torch.from_numpy(y)
    losses = []
    for step in range(record.STEPS):
        start = step * record.BATCH % record.ROWS
        rows = slice(start, start + record.BATCH)
        loss = F.cross_entropy(layers[1](torch.tanh(layers[0](x[rows]))), y[rows])
        losses.append(loss.item())
        (loss / every).backward()
        if (step + 1) % every != 0:
            continue
        clip(list(model.parameters()), options)
        optimizer.step()
        optimizer.zero_grad()
        if schedule:
            schedule.step()
        if average:
            average.update_parameters(model)
    final = average.module if average else model
    return losses, [(l.weight.detach().numpy().T, l.bias.detach().numpy()) for l in final]


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    weights = record.make_weights(rng, SIZES)
    x = record.make_inputs(rng, SIZES[0])
    y = record.class_labels(rng, x)
    files = {"runs": [], "later-runs": []}
    for name, options in (RUNS | LATER).items():
        losses, final = train(options, weights, x, y, torch.float32)
        losses64, _ = train(options, weights, x, y, torch.float64)
        drift = max(abs(a - b) / abs(b) for a, b in zip(losses, losses64))
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; drift {drift:.1e}")
        assert math.isfinite(losses[-1]) and drift <= record.MAX_DRIFT, name
        assert sum(losses[-4:]) < sum(losses[:4]), f"{name}: does not learn"
        last = record.shortest32(final[1][0])
        files["runs" if name in RUNS else "later-runs"].append(
            {"name": name, "optimizer": options, "losses": record.shortest32(losses), "lastKernel": last}
        )
    data = {
        "torchVersion": torch.__version__,
        "batchSize": record.BATCH,
        "weights": record.named(weights, record.exact),
        "x": record.exact(x),
        "y": record.exact(y),
        "runs": files["runs"],
    }
    later = {"torchVersion": torch.__version__, "runs": files["later-runs"]}
    recorded_json.write({"optimizers/runs.json": data, "optimizers/later-runs.json": later})


if __name__ == "__main__":
    main()
