"""What JAX's peers have in common: how many threads XLA takes, and the loop of training steps.

Imported before jax, which reads its settings once. Scripts are called NAME.py step|loop THREADS.
"""
import os
import sys

mode, threads = sys.argv[1], int(sys.argv[2])
os.environ["JAX_PLATFORMS"] = "cpu"
# XLA takes its number of threads from the CPUs that it may use.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

import jax
import jax.numpy as jnp
from jax import lax


def runner(step, weights):
    """A function that makes so many steps and waits for them: one a call, or all in one loop.

    `step` goes from (count, weights, first, second) to the next; moments begin at zero.
    """
    one = jax.jit(step, donate_argnums=0)
    repeat = lambda carry, steps: lax.fori_loop(0, steps, lambda _, own: step(own), carry)
    many = jax.jit(repeat, donate_argnums=0)
    zeros = lambda: jax.tree.map(jnp.zeros_like, weights)
    held = [(jnp.float32(0), weights, zeros(), zeros())]

    def run(steps):
        if mode == "loop":
            held[0] = many(held[0], jnp.int32(steps))
        else:
            for _ in range(steps):
                held[0] = one(held[0])
        jax.block_until_ready(held[0])

    return run
