"""What every Python peer shares: the workload as the bench wrote it, and the loop that answers the bench.

The bench sends one JSON object a line and reads one back: `load` a workload, its `curve`, the `time` of
a step.
"""
import json
import math
import os
import sys
import time
import traceback

import numpy as np

# Steps are asked for in one call; whatever a library prints goes to stderr.
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


class Workload:
    """Sizes, hyper-parameters, first weights, and the data: x and y have one entry for each batch."""

    def __init__(self, description, file):
        self.__dict__.update(description)
        numbers = np.memmap(file, np.float32, "r")
        taken = 0

        def take(*shape):
            nonlocal taken
            part = numbers[taken : taken + math.prod(shape)].reshape(shape)
            taken += math.prod(shape)
            return part

        self.weights = []
        for inputs, units in zip(self.sizes[:-1], self.sizes[1:]):
            self.weights += [np.array(take(inputs, units)), np.array(take(units))]
        self.x = np.array(take(self.batches, self.batch, self.sizes[0]))
        y = np.array(take(self.batches, self.batch))
        self.classes = self.loss == "crossentropy"
        self.y = y.astype(np.int32) if self.classes else y[:, :, None]


def seconds_of(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def calibrate(trainer, warm):
    """Seconds per step, after as many steps as it takes to warm up."""
    steps = 1
    while True:
        seconds = seconds_of_steps(trainer, steps, True, warm)
        if seconds > 2:
            return seconds / steps
        if seconds >= 0.1:
            # Once may have been a disturbance.
            seconds = min([seconds, *(seconds_of(lambda: trainer.run(steps, True)) for _ in range(3))])
        if seconds >= 0.08:
            return seconds / steps
        steps *= 8 if seconds < 0.01 else 2


def seconds_of_steps(trainer, steps, walks, warm):
    """XLA may compile a loop anew for each number of steps, so the first run of each number is not timed."""
    if (steps, walks) not in warm:
        trainer.run(steps, walks)
        warm.add((steps, walks))
    return seconds_of(lambda: trainer.run(steps, walks))


class Server:
    """Holds the fastest variant of the workload that was loaded."""

    def __init__(self, version, variants, build):
        self.version, self.variants, self.build = version, variants, build

    def load(self, request):
        workload = Workload(request["load"], request["file"])
        variants = self.variants(workload)
        if request["quick"]:
            variants = variants[:1]
        self.trainer = None
        tried, seconds = {}, {}
        for variant in variants:
            self.trainer = None
            try:
                self.trainer, self.warm = self.build(workload, variant), set()
                seconds[variant] = calibrate(self.trainer, self.warm)
                tried[variant] = f"{seconds[variant] * 1e6:.1f}"
            except Exception as error:  # another variant may work
                tried[variant] = f"{type(error).__name__}: {error}"[:200]
        if not seconds:
            raise RuntimeError("; ".join(f"{variant}: {what}" for variant, what in tried.items()))
        best = min(seconds, key=seconds.get)
        if best != variants[-1]:
            self.trainer, self.warm = self.build(workload, best), set()
        self.per_step = seconds[best]
        return {"version": self.version, "variant": best, "tried": tried}

    def curve(self, request):
        """Losses of the first steps, each on the next batch, by the very code that is timed."""
        self.trainer.reset()
        losses, started = [], time.perf_counter()
        while len(losses) < request["curve"] and time.perf_counter() - started < request["seconds"]:
            losses.append(float(self.trainer.run(1, True)))
        return {"losses": losses}

    def time(self, request):
        self.trainer.reset()
        seconds = 0
        while seconds < 0.5 * request["time"]:  # else what was known of a step was much too slow
            # A power of two: the next request most likely asks for the same number.
            steps = 2 ** max(0, round(math.log2(request["time"] / self.per_step)))
            seconds = seconds_of_steps(self.trainer, steps, request["walks"], self.warm)
            self.per_step = min(self.per_step, seconds / steps)
        return {"microseconds": seconds / steps * 1e6, "steps": steps}


def serve(version, variants, build):
    """Answers until the bench closes the pipe.

    `build(workload, variant)` gives an object with `reset()` to the first weights and batch and
    `run(steps, walks)`, which waits for all steps and returns the loss of the last. A run that walks goes
    through the batches in turn; one that does not stays with the first, which a cache then keeps.
    """
    server = Server(version, variants, build)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            action = next(name for name in ("load", "curve", "time") if name in request)
            reply = getattr(server, action)(request)
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
