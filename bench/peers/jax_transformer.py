"""The transformer of characters in JAX: its weights, and its loss."""
import jax
import jax.numpy as jnp
from jax import lax
from sequences import BLOCKS, HEADS, SIZE, STEPS, VOCABULARY

WIDTH = SIZE // HEADS


def make(given):
    take = lambda *shape: jnp.array(given.take(*shape))
    dense = lambda inputs, units: {"w": take(inputs, units), "b": take(units)}
    norm = lambda: {"gamma": take(SIZE), "beta": take(SIZE)}

    def projections():
        """Queries, keys and values of all heads in one product."""
        kernels, biases = zip(*((take(SIZE, HEADS, WIDTH), take(HEADS, WIDTH)) for _ in "qkv"))
        kernel = jnp.concatenate([own.reshape(SIZE, SIZE) for own in kernels], 1)
        return {"w": kernel, "b": jnp.concatenate(biases).reshape(-1)}

    def block():
        return {
            "projections": projections(),
            "output": {"w": take(HEADS, WIDTH, SIZE).reshape(SIZE, SIZE), "b": take(SIZE)},
            "before_attention": norm(),
            "before_net": norm(),
            "hidden": dense(SIZE, 4 * SIZE),
            "net": dense(4 * SIZE, SIZE),
        }

    return {
        "table": take(VOCABULARY, SIZE),
        "positions": take(STEPS, SIZE),
        "blocks": [block() for _ in range(BLOCKS)],
        "norm": norm(),
        "head": dense(SIZE, VOCABULARY),
    }


def dense(own, x):
    return x @ own["w"] + own["b"]


def norm(own, x):
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return centred * lax.rsqrt(variance + 1e-5) * own["gamma"] + own["beta"]


def block(own, x):
    batch, steps, size = x.shape
    parts = dense(own["projections"], norm(own["before_attention"], x))
    q, k, v = jnp.moveaxis(parts.reshape(batch, steps, 3, HEADS, size // HEADS), 2, 0).swapaxes(2, 3)
    scores = q @ k.swapaxes(-2, -1) / (size // HEADS) ** 0.5
    seen = jnp.tril(jnp.ones((steps, steps), bool))
    mixed = jax.nn.softmax(jnp.where(seen, scores, -1e9)) @ v
    x = x + dense(own["output"], mixed.swapaxes(1, 2).reshape(batch, steps, size))
    hidden = jax.nn.gelu(dense(own["hidden"], norm(own["before_net"], x)), approximate=True)
    return x + dense(own["net"], hidden)


def logits_of(weights, ids):
    x = weights["table"][ids] + weights["positions"]
    for own in weights["blocks"]:
        x = block(own, x)
    return dense(weights["head"], norm(weights["norm"], x))
