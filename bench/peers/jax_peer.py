"""JAX: one jitted step a call with donated buffers, or many steps in one `fori_loop`.

jax_peer.py step|loop THREADS
"""
from functools import partial

from jax_steps import mode

import jax
import jax.numpy as jnp
from jax import lax
from serve import serve


def loss_function(workload):
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.activation]

    def loss_of(weights, x, y):
        layers = list(zip(weights[::2], weights[1::2]))
        for kernel, bias in layers[:-1]:
            x = activation(x @ kernel + bias)
        kernel, bias = layers[-1]
        x = x @ kernel + bias
        if not workload.classes:
            return jnp.mean((x - y) ** 2)
        picked = jnp.take_along_axis(x, y[:, None], axis=-1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(x, axis=-1) - picked)

    return loss_of


def optimizer_for(spec):
    """How many slots a weight has, and the rule that gives its new value and slots."""
    rate, epsilon = spec["learningRate"], spec.get("epsilon")

    def adam(count, weight, gradient, slots):
        beta1, beta2 = spec["beta1"], spec["beta2"]
        first = beta1 * slots[0] + (1 - beta1) * gradient
        second = beta2 * slots[1] + (1 - beta2) * gradient * gradient
        corrected = first / (1 - beta1**count), second / (1 - beta2**count)
        return weight - rate * corrected[0] / (jnp.sqrt(corrected[1]) + epsilon), (first, second)

    def rmsprop(_, weight, gradient, slots):
        mean = spec["rho"] * slots[0] + (1 - spec["rho"]) * gradient * gradient
        return weight - rate * gradient / (jnp.sqrt(mean) + epsilon), (mean,)

    def sgd(_, weight, gradient, __):
        return weight - rate * gradient, ()

    return {"adam": (2, adam), "rmsprop": (1, rmsprop), "sgd": (0, sgd)}[spec["name"]]


class Trainer:
    def __init__(self, workload, _):
        loss_of = loss_function(workload)
        self.slots, rule = optimizer_for(workload.optimizer)
        self.first = workload.weights
        self.x, self.y = jnp.asarray(workload.x), jnp.asarray(workload.y)
        self.batches = workload.batches

        def step(carry, x, y):
            count, weights, slots = carry
            loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
            count = count + 1
            updated = [rule(count, *parts) for parts in zip(weights, gradients, slots)]
            return (count, [weight for weight, _ in updated], [slot for _, slot in updated]), loss

        def walk(carry, x, y, at):
            return step(carry, *(lax.dynamic_index_in_dim(part, at, keepdims=False) for part in (x, y)))

        @partial(jax.jit, donate_argnums=0)
        def stay_many(carry, x, y, steps):
            return lax.fori_loop(0, steps, lambda _, state: step(state[0], x, y), (carry, jnp.float32(0)))

        @partial(jax.jit, donate_argnums=0)
        def walk_many(carry, x, y, first, steps):
            def body(index, state):
                return walk(state[0], x, y, (first + index) % workload.batches)

            return lax.fori_loop(0, steps, body, (carry, jnp.float32(0)))

        self.stay, self.walk = jax.jit(step, donate_argnums=0), jax.jit(walk, donate_argnums=0)
        self.stay_many, self.walk_many = stay_many, walk_many
        self.places = [jnp.int32(place) for place in range(workload.batches)]
        self.first_x, self.first_y = jnp.array(self.x[0]), jnp.array(self.y[0])
        self.reset()

    def reset(self):
        weights = [jnp.array(value) for value in self.first]
        slots = [tuple(jnp.zeros_like(weight) for _ in range(self.slots)) for weight in weights]
        self.carry = (jnp.float32(0), weights, slots)
        self.at = 0

    def run(self, steps, walks):
        carry, first, batches, places = self.carry, self.at, self.batches, self.places
        x, y = (self.x, self.y) if walks else (self.first_x, self.first_y)
        if mode == "loop":
            count = jnp.int32(steps)
            given = (jnp.int32(first), count) if walks else (count,)
            carry, loss = (self.walk_many if walks else self.stay_many)(carry, x, y, *given)
        elif walks:
            for step in range(first, first + steps):
                carry, loss = self.walk(carry, x, y, places[step % batches])
        else:
            for _ in range(steps):
                carry, loss = self.stay(carry, x, y)
        self.carry = jax.block_until_ready(carry)
        if walks:
            self.at = (first + steps) % batches
        return float(loss)


serve(jax.__version__, lambda _: [mode], Trainer)
