"""JAX training nets over sequences; see sequences.py. jax_sequence.py step|loop THREADS."""
from functools import partial

from jax_steps import runner

import jax
import jax.numpy as jnp
from jax import lax
import jax_transformer
from sequences import CLASSES, DECAY, INPUTS, LENGTH, RATE, STEPS, UNITS, VOCABULARY, serve

sigmoid, tanh = jax.nn.sigmoid, jnp.tanh


def lstm_step(weights, state, sums):
    h, c = state
    i, f, g, o = jnp.split(sums + h @ weights["recurrent"], 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return (sigmoid(o) * tanh(c), c), None


def gru_step(weights, state, sums):
    (h,) = state
    z, r, g = jnp.split(sums, 3, 1)
    hz, hr, hg = jnp.split(h @ weights["recurrent"] + weights["second"], 3, 1)
    z, g = sigmoid(z + hz), tanh(g + sigmoid(r + hr) * hg)
    return (g + z * (h - g),), None


def crossentropy(logits, y):
    picked = jnp.take_along_axis(logits, y[..., None], -1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)


def recurrent(workload, batch, keys):
    """Weights, and a function from them to the loss."""
    gates, states, step = {"lstm": (4, 2, lstm_step), "gru": (3, 1, gru_step)}[workload]
    normal = lambda *shape: 0.06 * jax.random.normal(next(keys), shape)
    weights = {
        "kernel": normal(INPUTS, gates * UNITS),
        "recurrent": normal(UNITS, gates * UNITS),
        "bias": jnp.zeros(gates * UNITS),
        "second": jnp.zeros(gates * UNITS),
        "head": normal(UNITS, CLASSES),
        "offset": jnp.zeros(CLASSES),
    }
    x = jax.random.normal(next(keys), (LENGTH, batch, INPUTS))
    y = jax.random.randint(next(keys), (batch,), 0, CLASSES)

    def loss_of(weights):
        state = (jnp.zeros((batch, UNITS)),) * states
        sums = x @ weights["kernel"] + weights["bias"]
        last = lax.scan(partial(step, weights), state, sums)[0][0]
        return crossentropy(last @ weights["head"] + weights["offset"], y)

    return weights, loss_of


def transformer(batch, keys):
    x, y = (jax.random.randint(next(keys), (batch, STEPS), 0, VOCABULARY) for _ in range(2))
    loss_of = lambda weights: crossentropy(jax_transformer.logits_of(weights, x), y)
    return jax_transformer.make(keys), loss_of


def build(workload, batch):
    keys = iter(jax.random.split(jax.random.key(1), 64))
    is_transformer = workload == "transformer-char"
    weights, loss_of = transformer(batch, keys) if is_transformer else recurrent(workload, batch, keys)
    decay = RATE * DECAY if is_transformer else 0

    def adam(carry):
        count, weights, first, second = carry
        loss, gradients = jax.value_and_grad(loss_of)(weights)
        count = count + 1
        each = jax.tree.map
        first = each(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = each(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        step = lambda w, m, v: (1 - decay) * w - rate * m / (jnp.sqrt(v) + 1e-8)
        return count, each(step, weights, first, second), first, second

    return runner(adam, weights)


serve(build)
