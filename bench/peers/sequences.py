"""What the peers of the bench `sequence` have in common: their requests, one JSON object a line.

{"workload": "lstm", "batch": 128, "steps": 40} is answered by the microseconds of a training step; the
workload `generation` has tokens as steps.
"""
import json
import sys
import time

INPUTS, UNITS, CLASSES, LENGTH = 64, 128, 64, 40
# transformer-char: a vocabulary, the size of a step and of each head, blocks, and steps.
VOCABULARY, SIZE, HEADS, BLOCKS, STEPS = 65, 128, 4, 2, 64
RATE, DECAY = 1e-3, 0.01


def serve(build):
    """`build(workload, batch)` gives a function that makes so many steps and waits for them."""
    built = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            key = request["workload"], request["batch"]
            if key not in built:
                built[key] = build(*key)
                built[key](3)
            started = time.perf_counter()
            built[key](request["steps"])
            reply = {"microseconds": (time.perf_counter() - started) / request["steps"] * 1e6}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), flush=True)
