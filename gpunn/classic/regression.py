"""A straight line through points, and the probability of a class: both by batch gradient descent."""
import numpy as np

from .perceptron import Classifier, with_ones


def sigmoid(z):
    """1 / (1 + exp(-z)) without overflow"""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


class LinearRegression:
    """h = w x + b: w += rate sum (y - h) x, b += rate sum (y - h); the 2 of the derivative is in the rate."""

    def __init__(self, rate=0.001, passes=1000):
        self.rate, self.passes = rate, passes

    def fit(self, x, y):
        x, y = with_ones(x), np.asarray(y, float)
        self.weights = np.zeros(x.shape[1])
        for _ in range(self.passes):
            self.step(x, y)
        return self

    def step(self, x, y):
        """One step on all rows of x, which ends with a 1; one row is the rule for one example."""
        self.weights += self.rate * (y - x @ self.weights) @ x

    def predict(self, x):
        return with_ones(x) @ self.weights

    def score(self, x, y) -> float:
        """R2: 1 - squared error over variance."""
        return float(1 - np.mean((y - self.predict(x)) ** 2) / np.var(y))


class LogisticRegression(Classifier):
    """P(1) = sigmoid(w x + b), P(0) = 1 - P(1); labels 0 and 1; the mean of -log P falls by gradient descent."""

    def __init__(self, rate=0.5, passes=1000):
        self.rate, self.passes = rate, passes

    def fit(self, x, y):
        self.weights = np.zeros(with_ones(x).shape[1])
        for _ in range(self.passes):
            self.weights += self.rate * (y - self.probability(x)) @ with_ones(x) / len(x)
        return self

    def probability(self, x):
        return sigmoid(self.scores(x))

    def predict(self, x):
        return (self.probability(x) >= 0.5).astype(int)
