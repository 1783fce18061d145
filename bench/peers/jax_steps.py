"""What JAX's peers have in common: how many threads XLA takes, Adam, and the loop of training steps.

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

RATE, EPSILON = 1e-3, 1e-7


def crossentropy(logits, y):
    picked = jnp.take_along_axis(logits, y[..., None], -1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)


def zeros_like(weights):
    return jax.tree.map(jnp.zeros_like, weights)


def parameters_of(weights):
    return sum(own.size for own in jax.tree.leaves(weights))


def adam_rule(count, first, second, gradient):
    """What is taken from a weight, and its new moments."""
    first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * gradient * gradient
    correction = jnp.sqrt(1 - 0.999**count)
    rate = RATE * correction / (1 - 0.9**count)
    return rate * first / (jnp.sqrt(second) + EPSILON * correction), first, second


def adam(count, weights, moments, gradients, decay=0):
    """New weights and moments, of trees of one structure. `decay` is what a weight loses of itself."""
    leaves = [jax.tree.leaves(tree) for tree in (*moments, gradients)]
    updated = zip(*(adam_rule(count, *own) for own in zip(*leaves)))
    steps, *moments = (jax.tree.unflatten(jax.tree.structure(weights), part) for part in updated)
    return jax.tree.map(lambda own, step: (1 - decay) * own - step, weights, steps), tuple(moments)


def runner(step, state, x, y):
    """A function that makes so many steps and gives the loss of the last: one a call, or all in one loop.

    `step(state, x, y)` gives the next state and the loss of a batch. The loop walks through x and y.
    """
    batches, held = len(y), [state, 0]
    x, y = jnp.asarray(x), jnp.asarray(y)
    one = jax.jit(step, donate_argnums=0)
    own = list(zip(x, y)) if mode == "step" else []

    def repeat(carry, x, y, first, steps):
        def body(number, carry):
            at = (first + number) % batches
            return step(carry[0], x[at], y[at])

        return lax.fori_loop(0, steps, body, carry)

    many = jax.jit(repeat, donate_argnums=0)

    def run(steps):
        state, first = held
        if mode == "loop":
            state, loss = many((state, jnp.float32(0)), x, y, jnp.int32(first), jnp.int32(steps))
        else:
            for number in range(first, first + steps):
                state, loss = one(state, *own[number % batches])
        held[:] = jax.block_until_ready(state), (first + steps) % batches
        return float(loss)

    return run
