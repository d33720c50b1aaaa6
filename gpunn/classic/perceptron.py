"""Rosenblatt's perceptron: it learns from its mistakes only."""
import numpy as np


def with_ones(x):
    """(n, d) or (n,) -> (n, d + 1): the last column is 1, so that its weight is the bias."""
    x = np.asarray(x, float)
    return np.c_[x.reshape(len(x), -1), np.ones(len(x))]


class Classifier:
    """A classifier of `weights`: `score` is the share of right answers."""
    weights = None

    def scores(self, x):
        if self.weights is None:
            raise RuntimeError(f"{type(self).__name__} has learned nothing yet: call fit(x, y) first")
        return with_ones(x) @ self.weights

    def score(self, x, y) -> float:
        return float(np.mean(self.predict(x) == np.asarray(y)))


class Perceptron(Classifier):
    """y' = sign(w x), labels -1 and 1: w += rate (y - y') x, example after example, until a pass has no mistake."""

    def __init__(self, rate=0.5, passes=100):
        self.rate, self.passes = rate, passes

    def fit(self, x, y):
        if not set(np.unique(y)) <= {-1, 1}:
            raise ValueError(f"Perceptron: labels must be -1 and 1, got {np.unique(y)[:5].tolist()}; "
                             "from 0 and 1: 2 * y - 1")
        x = with_ones(x)
        self.weights, self.mistakes = np.zeros(x.shape[1]), []
        for _ in range(self.passes):
            self.mistakes.append(0)
            for example, label in zip(x, y):
                answer = 1 if example @ self.weights >= 0 else -1
                self.weights += self.rate * (label - answer) * example      # 0 where the answer was right
                self.mistakes[-1] += int(answer != label)
            if not self.mistakes[-1]:
                break
        return self

    def predict(self, x):
        return np.where(self.scores(x) >= 0, 1, -1)
