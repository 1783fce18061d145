"""JAX training a recommender, dense or by rows; see recommenders.py. jax_recommender.py step|loop THREADS."""
from jax_steps import runner

import jax
import jax.numpy as jnp
from recommenders import BATCHES, ROWS, SIZES, TABLES, WIDTH
from sequences import serve


def adam_rule(count, first, second, gradient):
    """What is taken from a weight, and its new moments."""
    first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * gradient * gradient
    rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    return rate * first / (jnp.sqrt(second) + 1e-8), first, second


def adam(count, weights, first, second, gradients):
    """New weights and moments, of trees of one structure."""
    leaves = [jax.tree.leaves(tree) for tree in (first, second, gradients)]
    updated = zip(*(adam_rule(count, *own) for own in zip(*leaves)))
    steps, first, second = (jax.tree.unflatten(jax.tree.structure(weights), part) for part in updated)
    return jax.tree.map(jnp.subtract, weights, steps), first, second


def update_rows(count, table, first, second, ids, gradients):
    """Adam of the rows that were read alone. What arrives at one row is summed first: sorted, by segments."""
    order = jnp.argsort(ids)
    ids = ids[order]
    is_new = jnp.concatenate([jnp.zeros(1, bool), ids[1:] != ids[:-1]])
    places = jnp.cumsum(is_new.astype(jnp.int32))
    sums = jax.ops.segment_sum(gradients[order], places, ids.size, indices_are_sorted=True)
    # Behind the last different id are rows that do not exist, whose updates are dropped.
    rows = jnp.full(ids.size, ROWS, jnp.int32).at[places].set(ids)
    read = jnp.minimum(rows, ROWS - 1)
    step, mean, square = adam_rule(count, first[read], second[read], sums)
    put = {"mode": "drop"}
    first, second = first.at[rows].set(mean, **put), second.at[rows].set(square, **put)
    return table.at[rows].add(-step, **put), first, second


def perceptron(dense, value):
    for kernel, bias in dense[:-1]:
        value = jax.nn.relu(value @ kernel + bias)
    kernel, bias = dense[-1]
    return (value @ kernel + bias)[:, 0]


def loss_of(rows, dense, y):
    logits = perceptron(dense, jnp.concatenate(rows, 1))
    return jnp.mean(jax.nn.softplus(logits) - y * logits)


def rows_of(tables, ids):
    return [table[own] for table, own in zip(tables, ids)]


def dense_step(carry, x, y):
    count, weights, first, second = carry
    whole = lambda own: loss_of(rows_of(own["tables"], x), own["dense"], y)
    return count + 1, *adam(count + 1, weights, first, second, jax.grad(whole)(weights))


def sparse_step(carry, x, y):
    count, weights, first, second = carry
    count = count + 1
    by_rows, by_dense = jax.grad(loss_of, (0, 1))(rows_of(weights["tables"], x), weights["dense"], y)
    dense = adam(count, weights["dense"], first["dense"], second["dense"], by_dense)
    states = zip(weights["tables"], first["tables"], second["tables"], x, by_rows)
    tables = zip(*(update_rows(count, *state) for state in states))
    return count, *({"tables": list(own), "dense": part} for own, part in zip(tables, dense))


def build(workload, batch):
    keys = iter(jax.random.split(jax.random.key(1), 16))
    normal = lambda *shape: 0.06 * jax.random.normal(next(keys), shape)
    weights = {
        "tables": [normal(ROWS, WIDTH) for _ in range(TABLES)],
        "dense": [(normal(*sizes), jnp.zeros(sizes[1])) for sizes in zip(SIZES, SIZES[1:])],
    }
    x = jax.random.randint(next(keys), (BATCHES, TABLES, batch), 0, ROWS)
    y = jax.random.randint(next(keys), (BATCHES, batch), 0, 2).astype(jnp.float32)
    step = sparse_step if workload == "recsys-sparse" else dense_step

    def walk(carry):
        at = carry[0].astype(jnp.int32) % BATCHES
        return step(carry, x[at], y[at])

    return runner(walk, weights)


serve(build)
