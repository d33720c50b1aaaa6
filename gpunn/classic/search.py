"""Learning without a gradient: try, and keep what is better."""
import math

import numpy as np


def random_search(loss_fun, shape, tries=1000, scale=1.0, seed=0):
    """Weights drawn anew each time, the best are kept -> weights, their loss"""
    r, best, lowest = np.random.default_rng(seed), None, math.inf
    for _ in range(tries):
        weights = scale * r.normal(size=shape)
        if (loss := loss_fun(weights)) < lowest:
            best, lowest = weights, loss
    return best, lowest


def random_local_search(loss_fun, weights, tries=1000, step=0.1, seed=0):
    """A random step from the best weights so far, taken when the loss is lower there -> weights, their loss"""
    r, lowest = np.random.default_rng(seed), loss_fun(weights)
    for _ in range(tries):
        moved = weights + step * r.normal(size=np.shape(weights))
        if (loss := loss_fun(moved)) < lowest:
            weights, lowest = moved, loss
    return weights, lowest
