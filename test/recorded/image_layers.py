"""Layers of networks that see or read, in PyTorch: what each computes, from its options and weights."""

import torch
import torch.nn.functional as F

EPSILON = 1e-3


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


# --- layers: (weights, by name and shape; what they compute) ------------------


def conv(spec, p, x):
    axes = x.dim() - 2
    kernel = p["kernel"].movedim((-1, -2), (0, 1))
    dilation = spec.get("dilationRate", 1)
    stride = spec.get("strides", 1)
    padding = spec.get("padding", "valid")
    x = first(x)
    reach = (spec["kernelSize"] - 1) * dilation
    if padding == "causal":
        x = F.pad(x, (reach, 0))
        padding = 0
    elif padding == "same":
        assert stride == 1 and reach % 2 == 0, "PyTorch pads otherwise"
        padding = reach // 2
    elif padding == "valid":
        padding = 0
    run = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    return last(run(x, kernel, p.get("bias"), stride, padding, dilation, spec.get("groups", 1)))


def transposed(spec, p, x):
    kernel = p["kernel"].movedim((-1, -2), (0, 1))
    run = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[x.dim() - 3]
    return last(run(first(x), kernel, p["bias"], spec["strides"], spec["padding"], spec["outputPadding"]))


def depthwise(kernel, bias, stride, padding, x):
    channels = x.shape[-1]
    grouped = kernel.permute(2, 3, 0, 1).reshape(-1, 1, kernel.shape[0], kernel.shape[1])
    return last(F.conv2d(first(x), grouped, bias, stride, padding, 1, channels))


def depthwise_conv(spec, p, x):
    return depthwise(p["kernel"], p["bias"], spec.get("strides", 1), spec.get("padding", 0), x)


def separable(spec, p, x):
    y = depthwise(p["depthwiseKernel"], None, 1, spec["kernelSize"] // 2, x)
    return y @ p["pointwiseKernel"][0, 0] + p["bias"]


def batch_norm(spec, p, x):
    return last(F.batch_norm(first(x), None, None, p["gamma"], p["beta"], True, 0.1, EPSILON))


def group_norm(spec, p, x):
    return last(F.group_norm(first(x), spec["groups"], p["gamma"], p["beta"], EPSILON))


def spectral(spec, p, x):
    return x @ (p["kernel"] / torch.linalg.matrix_norm(p["kernel"], 2)) + p["bias"]


def max_pool(spec, p, x):
    return last(F.max_pool2d(first(x), spec["poolSize"], spec.get("strides")))


def average_pool(spec, p, x):
    return last(F.avg_pool2d(first(x), spec["poolSize"]))


def recurrent(spec, p, x):
    kernel, rows, bias = p["kernel"], p["recurrentKernel"], p["bias"]
    units = spec["units"]
    if spec["kind"] == "gru":
        # z, r, candidate here; r, z, candidate in PyTorch.
        order = [i for gate in (1, 0, 2) for i in range(gate * units, (gate + 1) * units)]
        kernel, rows, bias = kernel[:, order], rows[:, order], bias[:, order]
    first_bias, second = bias if bias.dim() == 2 else (bias, torch.zeros_like(bias))
    weights = [kernel.T.contiguous(), rows.T.contiguous(), first_bias.contiguous(), second.contiguous()]
    state = x.new_zeros(1, len(x), units)
    run = {"simpleRNN": torch._VF.rnn_tanh, "lstm": torch._VF.lstm, "gru": torch._VF.gru}[spec["kind"]]
    states = (state, state) if spec["kind"] == "lstm" else state
    y = run(x, states, weights, True, 1, 0.0, False, False, True)[0]
    return y if spec.get("returnSequences") else y[:, -1]


LAYERS = {
    "simpleRNN": recurrent,
    "lstm": recurrent,
    "gru": recurrent,
    "conv1d": conv,
    "conv2d": conv,
    "conv3d": conv,
    "conv1dTranspose": transposed,
    "conv2dTranspose": transposed,
    "conv3dTranspose": transposed,
    "depthwiseConv2d": depthwise_conv,
    "separableConv2d": separable,
    "batchNormalization": batch_norm,
    "groupNormalization": group_norm,
    "spectralNormalization": spectral,
    "maxPooling2d": max_pool,
    "averagePooling2d": average_pool,
    "globalAveragePooling2d": lambda spec, p, x: x.mean((1, 2)),
    "flatten": lambda spec, p, x: x.reshape(len(x), -1),
    "dense": lambda spec, p, x: x @ p["kernel"] + p["bias"],
    "activation": lambda spec, p, x: x,
}
