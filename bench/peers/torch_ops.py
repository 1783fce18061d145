"""PyTorch, one op at a time: for each line with an expression, microseconds of what it takes.

torch_ops.py eager THREADS
"""
import json
import sys
import time

import torch
import torch.nn.functional as functional

torch.set_num_threads(int(sys.argv[2]))
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)


def numbers(*shape):
    count = 1
    for size in shape:
        count *= size
    return (0.5 + (torch.arange(count) * 2654435761 % 4096) / 4096).float().reshape(shape)


def integers(below, *shape):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count) * 7919 % below).reshape(shape)


operands = {
    "torch": torch,
    "F": functional,
    "x": numbers(1000, 1000),
    "half": numbers(1000, 500),
    "flat": numbers(1000000),
    "image": numbers(10, 100, 100, 10),
    "flags": torch.arange(1000000).reshape(1000, 1000) % 1999 == 0,
    "ids": integers(1000, 1000),
    "positions": integers(1000, 1000, 1000),
    "classes": integers(10, 100000),
    "inside": numbers(1000, 1000) - 1,
    "beyond": numbers(1000, 1000) + 1,
    "whole": integers(1 << 20, 1000, 1000).int(),
    "pairs": integers(1000, 1000000, 2),
    "queries": numbers(8, 128, 8, 64),
    "keys": numbers(8, 128, 8, 64),
}


@torch.no_grad()
def best_of(action, repeats, seconds):
    action()
    best, started = float("inf"), time.perf_counter()
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(5):
            action()
        ended = time.perf_counter()
        best = min(best, (ended - began) / 5)
        if ended - started > seconds:
            break
    return best * 1e6


for line in sys.stdin:
    request = json.loads(line)
    try:
        action = eval("lambda: " + request["expression"], operands)
        reply = {"microseconds": best_of(action, 5 if request["quick"] else 60, 5)}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(reply), flush=True)
