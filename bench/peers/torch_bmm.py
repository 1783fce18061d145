"""PyTorch's bmm: the time of one call after another, as the drivers of the BLAS answer.

torch_bmm.py COUNT THREADS. For each line `form m k n seconds`, microseconds of COUNT products [m,k]·[k,n].
"""
import sys
import time

import torch

count, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)


def operands(form, m, k, n):
    """Transposed ones are views of matrices that lie the other way."""
    a = torch.rand(count, k, m).transpose(1, 2) if form == "tn" else torch.rand(count, m, k)
    b = torch.rand(count, n, k).transpose(1, 2) if form == "nt" else torch.rand(count, k, n)
    return a, b, torch.empty(count, m, n)


def seconds_of(a, b, c, steps):
    started = time.perf_counter()
    for _ in range(steps):
        torch.bmm(a, b, out=c)
    return time.perf_counter() - started


def microseconds(form, m, k, n, seconds):
    a, b, c = operands(form, m, k, n)
    steps, timed = 1, False
    while True:
        taken = seconds_of(a, b, c, steps)
        if timed and taken >= seconds / 2:
            return taken / steps * 1e6
        timed = taken >= seconds / 2
        steps = max(1, int(steps * min(64, seconds / taken)) + (not timed))


print(f"PyTorch {torch.__version__}", flush=True)
with torch.inference_mode():
    for line in sys.stdin:
        form, *sizes, seconds = line.split()
        print(microseconds(form, *map(int, sizes), float(seconds)), flush=True)
