"""Random numbers: moments, ranges, repetition, and what is refused."""
import numpy as np
import pytest

from gpunn import ops, random
from gpunn.tensor import Tensor, Variable

N = 40000
DRAWS = {
    "uniform": (lambda s: random.uniform((N,), -1, 3, seed=s), 1.0, 4 / np.sqrt(12)),
    "normal": (lambda s: random.normal((N,), 2.0, 3.0, seed=s), 2.0, 3.0),
    "truncated_normal": (lambda s: random.truncated_normal((N,), 1.0, 2.0, seed=s), 1.0, 2 * 0.879626),
    "randint": (lambda s: ops.cast(random.randint((N,), 0, 10, seed=s), "float32"), 4.5, np.sqrt(99 / 12)),
    "gamma": (lambda s: random.gamma((N,), 2.5, seed=s), 2.5, np.sqrt(2.5)),
    "gamma_small": (lambda s: random.gamma((N,), np.float32([0.3]), seed=s), 0.3, np.sqrt(0.3)),
    "beta": (lambda s: random.beta((N,), 2.0, 3.0, seed=s), 0.4, 0.2),
    "binomial": (lambda s: random.binomial((N,), 10, 0.3, seed=s), 3.0, np.sqrt(2.1)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments(name):
    draw, mean, std = DRAWS[name]
    x = draw(5).numpy().astype("float64")
    assert x.mean() == pytest.approx(mean, abs=5 * std / np.sqrt(N))
    assert x.std() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name):
    """An integer always gives the same numbers; None and a generator give fresh ones."""
    draw = DRAWS[name][0]
    np.testing.assert_array_equal(draw(1).numpy(), draw(1).numpy())
    generator = random.SeedGenerator(3)
    for source in (None, generator):
        assert (draw(source).numpy() != draw(source).numpy()).any()
    assert (draw(1).numpy() != draw(2).numpy()).any()


def test_bounds():
    assert np.abs(random.truncated_normal((N,), seed=1).numpy()).max() <= 2.0
    u = random.uniform((N,), seed=1).numpy()
    assert u.min() >= 0 and u.max() < 1
    k = random.randint((N,), 3, 6, seed=1).numpy()
    assert set(k.tolist()) == {3, 4, 5} and k.dtype == np.int32


def test_normal_has_normal_tails():
    x = random.normal((N,), seed=9).numpy()
    for bound, share in ((1, 0.6827), (2, 0.9545)):
        assert (np.abs(x) < bound).mean() == pytest.approx(share, abs=0.01)


def test_categorical_follows_the_probabilities():
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(np.log(p), N, seed=2).numpy()
    for row, want in zip(drawn, p):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / N, want, atol=0.01)


def test_shuffle_keeps_every_row():
    x = np.arange(20).reshape(10, 2)
    y = random.shuffle(x, seed=4).numpy()
    assert (y != x).any()
    np.testing.assert_array_equal(y[np.argsort(y[:, 0])], x)
    np.testing.assert_array_equal(np.sort(random.shuffle(x, 1, seed=1).numpy(), 1), x)


def test_dropout_keeps_the_mean_and_the_same_mask_backward():
    x = Variable(np.ones((200, 200), "float32"))
    y = ops.dropout(x, 0.25)
    values = y.numpy()
    assert set(np.unique(values).tolist()) == {0.0, np.float32(1 / 0.75)}
    assert values.mean() == pytest.approx(1.0, abs=0.02)
    ops.sum(y).backward()
    np.testing.assert_array_equal(x.grad, values)


def test_dropout_of_whole_channels():
    y = ops.dropout(Tensor(np.ones((8, 5, 64), "float32")), 0.5, noise_shape=(None, 1, None)).numpy()
    assert (y == y[:, :1]).all() and 0.3 < (y > 0).mean() < 0.7


def test_dropout_at_the_ends():
    x = np.ones(4, "float32")
    assert ops.dropout(x, 0.0) is x
    np.testing.assert_array_equal(ops.dropout(Tensor(x), 1.0).numpy(), 0 * x)


def test_generator_config():
    assert random.SeedGenerator.from_config(random.SeedGenerator(7, "mine").get_config()).get_config() == {
        "seed": 7, "name": "mine"}


@pytest.mark.parametrize("make, message", [
    (lambda: ops.dropout(np.ones(3), 1.5), r"dropout: rate must be in \[0, 1\], got 1.5"),
    (lambda: random.uniform((2,), dtype="int32"), "uniform: dtype must be float..., got 'int32'"),
    (lambda: random.randint((2,), 0, 3, "float32"), "randint: dtype must be int..., got 'float32'"),
    (lambda: random.uniform((2,), seed="a"), "seed is an integer, a SeedGenerator or None, got 'a'"),
    (lambda: random.randint((2,), 3, 3), "randint: maxval must be above minval=3"),
])
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
