"""Which hyperparameters? Cross-validation and grid search for everything that has fit(x, y) and score(x, y)."""
import itertools
from functools import partial

import numpy as np


def folds(n, k=5, seed=0):
    """k pairs (training rows, validation rows); every row validates once."""
    if not 2 <= k <= n:
        raise ValueError(f"folds: k must lie between 2 and the number of examples, {n}, got {k}")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), k)
    return [(np.concatenate(parts[:i] + parts[i + 1:]), parts[i]) for i in range(k)]


def cross_validate(make, x, y, k=5, seed=0):
    """make() gives a fresh estimator -> its score on each of k validation parts"""
    return np.array([make().fit(x[train], y[train]).score(x[test], y[test]) for train, test in folds(len(x), k, seed)])


def grid_search(make, grid, x, y, k=5, seed=0):
    """make(**choice) for every combination of {name: values} -> [(mean score, choice)], best first"""
    choices = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    results = [(float(cross_validate(partial(make, **choice), x, y, k, seed).mean()), choice) for choice in choices]
    return sorted(results, key=lambda result: -result[0])
