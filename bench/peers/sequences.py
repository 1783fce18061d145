"""Sizes of the networks of the bench `sequence`."""

INPUTS, UNITS, CLASSES, LENGTH = 64, 128, 64, 40
# transformer-char: a vocabulary, the size of a step and of each head, blocks, and steps.
VOCABULARY, SIZE, HEADS, BLOCKS, STEPS = 65, 128, 4, 2, 64
RATE, DECAY = 1e-3, 0.01
