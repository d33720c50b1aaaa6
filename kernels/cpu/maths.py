"""Functions of one number, in the number's own type: no overflow on the way, no digits lost near zero."""
import math

import numpy as np

from .launch import exact_kernel


@exact_kernel
def exp(x):
    return type(x)(np.exp(x))


@exact_kernel
def expm1(x):
    return type(x)(np.expm1(x))


@exact_kernel
def log(x):
    return type(x)(np.log(x))


@exact_kernel
def tanh(x):
    return type(x)(np.tanh(x))


@exact_kernel
def erf(x):
    return type(x)(math.erf(x))


@exact_kernel
def sigmoid(x):
    T = type(x)
    e = exp(-abs(x))
    return (e if x < 0 else T(1)) / (T(1) + e)


@exact_kernel
def softplus(x):
    T = type(x)
    return (T(0) if x < 0 else x) + T(np.log1p(exp(-abs(x))))


@exact_kernel
def clip(x, low, high):
    return low if x < low else high if x > high else x


@exact_kernel
def sign(x):
    return type(x)(1) if x > 0 else type(x)(-1) if x < 0 else x


@exact_kernel
def normal_cdf(x):
    T = type(x)
    return T(0.5) * T(math.erfc(-x * T(0.7071067811865476)))


@exact_kernel
def gelu_argument(x):
    """(1 + tanh(u)) / 2 = sigmoid(2 u): this is 2 u, and no digits are lost where tanh is near -1."""
    T = type(x)
    return T(1.5957691216057308) * (x + T(0.044715) * x * x * x)
