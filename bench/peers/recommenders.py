"""Sizes of the recommender: tables of ids, and the perceptron behind them. Batches are [columns, rows]."""
TABLES, ROWS, WIDTH, SIZES = 4, 100_000, 32, [128, 128, 64, 1]
