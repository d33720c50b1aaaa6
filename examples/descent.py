"""Gradient descent on e^-x + x^2, with the derivative from the tape.

    python examples/descent.py
"""
import math

import gpunn
from gpunn import ops


def f(x):
    return ops.exp(-x) + x ** 2


slope = gpunn.value_and_grad(f)
table = {x: map(float, slope(x)) for x in (-0.5, -0.25, 0.0, 0.25, 0.5)}
print("    x      f(x)     f'(x)")
for x, (value, gradient) in table.items():
    print(f"{x:5.2f} {value:9.6f} {gradient:9.6f}")
    assert math.isclose(gradient, 2 * x - math.exp(-x), abs_tol=1e-6)

ends = {}
for rate in (0.01, 0.1, 0.5, 1.0):
    x, gradient, steps = -0.5, 1.0, 0
    while abs(gradient) > 1e-5 and abs(x) < 10 and steps < 200:
        _, gradient = map(float, slope(x))
        x -= rate * gradient
        steps += 1
    ends[rate] = x
    print(f"learning rate {rate:4.2f}: x = {x:10.5f} after {steps} steps")
assert abs(ends[0.1] - 0.35173) < 1e-4 and abs(ends[0.5] - 0.35173) < 1e-4
assert abs(ends[1.0] - 0.35173) > 0.1                       # too long a step never arrives
