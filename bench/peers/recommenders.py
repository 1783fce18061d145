"""What the peers of a recommender have in common: tables of ids, and the sizes of the perceptron behind them.

Requests and answers are those of sequences.py. Several batches are walked through, so that no cache holds
the rows of them all.
"""
TABLES, ROWS, WIDTH, SIZES, BATCHES = 4, 100_000, 32, [128, 128, 64, 1], 30
