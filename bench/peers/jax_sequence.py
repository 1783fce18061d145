"""JAX training nets over sequences; see given.py. jax_sequence.py step|loop THREADS"""
from functools import partial

from jax_steps import adam, crossentropy, parameters_of, runner, zeros_like

import jax
import jax.numpy as jnp
import jax_transformer
import numpy as np
from given import serve
from jax import lax
from sequences import CLASSES, DECAY, INPUTS, RATE, UNITS

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


def recurrent(workload, given):
    """Weights, a function from them and a batch to the loss, and the batches, steps first."""
    gates, states, step = {"lstm": (4, 2, lstm_step), "gru": (3, 1, gru_step)}[workload]
    source = given.weights()
    take = lambda *shape: jnp.array(source.take(*shape))
    weights = {"kernel": take(INPUTS, gates * UNITS), "recurrent": take(UNITS, gates * UNITS)}
    if workload == "lstm":
        weights["bias"] = take(gates * UNITS)
    else:
        weights["bias"], weights["second"] = take(2, gates * UNITS)
    weights["head"], weights["offset"] = take(UNITS, CLASSES), take(CLASSES)

    def loss_of(weights, x, y):
        state = (jnp.zeros((x.shape[1], UNITS)),) * states
        sums = x @ weights["kernel"] + weights["bias"]
        last = lax.scan(partial(step, weights), state, sums)[0][0]
        return crossentropy(last @ weights["head"] + weights["offset"], y)

    return weights, loss_of, given.x.swapaxes(1, 2)


def transformer(given):
    loss_of = lambda weights, x, y: crossentropy(jax_transformer.logits_of(weights, x), y)
    return jax_transformer.make(given.weights()), loss_of, given.x.astype(np.int32)


def build(workload, given):
    is_transformer = workload == "transformer-char"
    weights, loss_of, x = transformer(given) if is_transformer else recurrent(workload, given)
    decay = RATE * DECAY if is_transformer else 0

    def step(state, x, y):
        count, weights, moments = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        return (count + 1, *adam(count + 1, weights, moments, gradients, decay)), loss

    parameters = parameters_of(weights)
    state = jnp.float32(0), weights, (zeros_like(weights), zeros_like(weights))
    return runner(step, state, x, given.y.astype(np.int32)), parameters


serve(build)
