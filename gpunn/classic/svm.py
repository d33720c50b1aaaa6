"""The loss of the multi-class support vector machine, and its gradient by hand."""
import numpy as np


def svm_loss(weights, x, y, delta=1.0, penalty=0.0):
    """(d, k), (n, d), labels (n,) -> mean of sum max(0, s_j - s_y + delta) plus penalty sum w^2, and its gradient"""
    rows = np.arange(len(x))
    scores = x @ weights
    margins = scores - scores[rows, y][:, None] + delta
    margins[rows, y] = 0
    missed = (margins > 0).astype(float)        # a class that missed the margin gets x ...
    missed[rows, y] = -missed.sum(axis=1)       # ... and the right one -x for each of them
    loss = np.maximum(margins, 0).sum() / len(x) + penalty * np.sum(weights ** 2)
    return loss, x.T @ missed / len(x) + 2 * penalty * weights
