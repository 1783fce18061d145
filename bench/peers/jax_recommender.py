"""JAX training a recommender, dense or by rows; see recommenders.py. jax_recommender.py step|loop THREADS"""
from jax_steps import adam, adam_rule, parameters_of, runner, zeros_like

import jax
import jax.numpy as jnp
import numpy as np
from given import serve
from recommenders import ROWS, SIZES, TABLES, WIDTH


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


def dense_step(state, x, y):
    count, weights, moments = state
    whole = lambda own: loss_of(rows_of(own["tables"], x), own["dense"], y)
    loss, gradients = jax.value_and_grad(whole)(weights)
    return (count + 1, *adam(count + 1, weights, moments, gradients)), loss


def sparse_step(state, x, y):
    count, weights, moments = state
    count = count + 1
    given = rows_of(weights["tables"], x), weights["dense"]
    loss, (by_rows, by_dense) = jax.value_and_grad(loss_of, (0, 1))(*given, y)
    own = tuple(part["dense"] for part in moments)
    dense, own = adam(count, weights["dense"], own, by_dense)
    states = zip(weights["tables"], moments[0]["tables"], moments[1]["tables"], x, by_rows)
    tables = [list(part) for part in zip(*(update_rows(count, *each) for each in states))]
    weights, *moments = ({"tables": table, "dense": part} for table, part in zip(tables, (dense, *own)))
    return (count, weights, tuple(moments)), loss


def build(workload, given):
    source = given.weights()
    take = lambda *shape: jnp.array(source.take(*shape))
    weights = {
        "tables": [take(ROWS, WIDTH) for _ in range(TABLES)],
        "dense": [(take(*sizes), take(sizes[1])) for sizes in zip(SIZES, SIZES[1:])],
    }
    state = jnp.float32(0), weights, (zeros_like(weights), zeros_like(weights))
    step = sparse_step if workload == "recsys-sparse" else dense_step
    parameters = parameters_of(weights)
    return runner(step, state, given.x.astype(np.int32), given.y), parameters


serve(build)
