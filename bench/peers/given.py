"""The work that the bench gives to all who train a network: first weights, in Keras's order and layouts, and
the batches that all walk through. And the loop that answers its requests, one JSON object a line.

{"workload": "lstm", "steps": 30, "given": {"file": name, "weights": [[name, shape], ..], "x": shape,
"y": shape}} tells what the file holds, and is answered by the microseconds of a training step. The first
answer also has the losses of the first steps from these weights, and how many numbers the network trains or
keeps: by these the bench knows that all do the same work. The workload `generation` is given nothing and has
tokens as steps.
"""
import json
import math
import os
import sys
import time

import numpy as np

# How many losses are compared: of the first weights, and after updates.
LOSSES = 3
# Keras's, of batch normalization and of Adam.
NORM_EPSILON, NORM_MOMENTUM, EPSILON = 1e-3, 0.99, 1e-7

# Whatever a library prints goes to stderr.
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


class Weights:
    """Those of a network, taken one after the other."""

    def __init__(self, values):
        self.values = iter(values)

    def take(self, *shape):
        value = next(self.values)
        if value.shape != shape:
            raise ValueError(f"a weight of {shape} where the bench gives one of {value.shape}")
        return np.array(value)


class Given:
    """x and y have one entry for each batch."""

    def __init__(self, file, weights, x, y):
        numbers = np.memmap(file, np.float32, "r")
        taken = 0

        def take(shape):
            nonlocal taken
            taken += math.prod(shape)
            return numbers[taken - math.prod(shape) : taken].reshape(shape)

        self.names = [name for name, _ in weights]
        self.values = [take(shape) for _, shape in weights]
        self.x, self.y = np.array(take(x)), np.array(take(y))

    def weights(self):
        return Weights(self.values)


def prepare(build, request):
    """A function that makes so many steps, and what the bench is told about it."""
    if "given" not in request:
        run = build(request["workload"], None)
        run(3)
        return run, {}
    run, parameters = build(request["workload"], Given(**request["given"]))
    return run, {"parameters": parameters, "losses": [float(run(1)) for _ in range(LOSSES)]}


def serve(build):
    """`build(workload, given)` gives a function and a count of parameters. The function makes so many steps,
    each on the next batch, waits for them, and gives the loss of the last, from before its update."""
    built = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            key, work = request["workload"], {}
            if key not in built:
                built[key], work = prepare(build, request)
            started = time.perf_counter()
            built[key](request["steps"])
            reply = {"microseconds": (time.perf_counter() - started) / request["steps"] * 1e6, **work}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
