"""First values: distributions, fans, seeds, names."""
import math

import numpy as np
import pytest

from gpunn import initializers, set_seed
from gpunn.random import SeedGenerator

SHAPE = (200, 300)
N = SHAPE[0] * SHAPE[1]
NORMAL = {                  # name -> (mean, variance, bound); bound None: no cut
    "random_normal": (0.0, 0.05 ** 2, None),
    "truncated_normal": (0.0, (0.05 * 0.87962566) ** 2, 0.1),
    "glorot_normal": (0.0, 2 / 500, 2 * math.sqrt(2 / 500) / 0.87962566),
    "he_normal": (0.0, 2 / 200, 2 * math.sqrt(2 / 200) / 0.87962566),
    "lecun_normal": (0.0, 1 / 200, 2 * math.sqrt(1 / 200) / 0.87962566),
}
UNIFORM = {                 # name -> half the width
    "random_uniform": 0.05,
    "glorot_uniform": math.sqrt(6 / 500),
    "he_uniform": math.sqrt(6 / 200),
    "lecun_uniform": math.sqrt(3 / 200),
}


def draw(name, shape=SHAPE):
    set_seed(11)
    return initializers.get(name)(shape).numpy()


@pytest.mark.parametrize("name", NORMAL)
def test_normal_ones(name):
    mean, variance, bound = NORMAL[name]
    x = draw(name)
    assert x.dtype == "float32" and abs(x.mean() - mean) < 5 * math.sqrt(variance / N)
    assert abs(x.var() / variance - 1) < 0.03
    assert bound is None or 0.98 * bound < np.abs(x).max() <= bound * 1.0001
    inside = np.mean(np.abs(x) < math.sqrt(variance))
    assert abs(inside - (0.6827 if bound is None
                         else 0.6470)) < 0.01, "not the shape of a (cut) normal distribution"


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_ones(name):
    half, x = UNIFORM[name], draw(name)
    assert -half <= x.min() < -0.999 * half and 0.999 * half < x.max() <= half
    counts = np.histogram(x, 10, (-half, half))[0]
    assert np.all(abs(counts - N / 10) < 6 * math.sqrt(N / 10))


@pytest.mark.parametrize("shape, fan_in, fan_out", [((), 1, 1), ((5,), 5, 5), ((5, 7), 5, 7),
                                                    ((3, 3, 4, 8), 36, 72), ((3, 4, 8), 12, 24)])
def test_fans(shape, fan_in, fan_out):
    assert initializers.fans(shape) == (fan_in, fan_out)
    assert initializers.fans((2, 3, 4), [0], [1, 2]) == (2, 12)


@pytest.mark.parametrize("mode, fan", [("fan_in", 200), ("fan_out", 300), ("fan_avg", 250)])
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(mode, fan, distribution):
    x = initializers.VarianceScaling(3.0, mode, distribution, seed=2)(SHAPE).numpy()
    assert abs(x.var() / (3.0 / fan) - 1) < 0.03


@pytest.mark.parametrize("shape", [(20, 8), (8, 20), (3, 3, 4, 10)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, 4 * np.eye(min(q.shape)), atol=1e-5)


def test_fixed_ones():
    np.testing.assert_array_equal(draw("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("ones", (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(initializers.Constant(2.5)((2,)).numpy(), [2.5, 2.5])
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)).numpy(), 3 * np.eye(2, 3))
    np.testing.assert_array_equal(initializers.get(np.arange(3.0))((3,)).numpy(), [0, 1, 2])


@pytest.mark.parametrize("name", [*NORMAL, *UNIFORM, "orthogonal"])
def test_seeds(name):
    cls = type(initializers.get(name))
    a, b = cls(seed=3), cls(seed=4)
    np.testing.assert_array_equal(a((4, 5)).numpy(), a((4, 5)).numpy())
    assert not np.array_equal(a((4, 5)).numpy(), b((4, 5)).numpy())
    fresh = cls()
    set_seed(1)
    first, second, other = fresh((4, 5)).numpy(), fresh((4, 5)).numpy(), cls()((4, 5)).numpy()
    set_seed(1)
    np.testing.assert_array_equal(cls()((4, 5)).numpy(), first)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    source = cls(seed=SeedGenerator(1))
    assert not np.array_equal(source((4, 5)).numpy(), source((4, 5)).numpy())


@pytest.mark.parametrize("name", initializers.KNOWN)
def test_configs_go_around(name):
    thing = initializers.get(name)
    config = initializers.serialize(thing)
    again = initializers.deserialize(config)
    assert type(again) is type(thing) and again.get_config() == thing.get_config()


def test_a_function_may_be_an_initializer():
    def seven(shape, dtype=None):
        return np.full(shape, 7, dtype)
    assert initializers.get(seven) is seven
    assert initializers.get(initializers.Ones).get_config() == {} and initializers.get(None) is None
