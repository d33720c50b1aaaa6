"""The lectures' rows E (optimizers), F (schedules), A11-A14 as they print them."""
import math

import numpy as np
import pytest

import gpunn as keras
from gpunn import Variable, optimizers
from gpunn.optimizers import schedules

G = np.array([0.3, -2.0, 1e-3, 5.0])
START = np.array([1.0, -1.0, 0.5, 2.0])


def steps(optimizer, count=5, gradient=lambda theta, t: G * (1 + t)):
    """-> theta after each step, from START"""
    v, path = Variable(START.astype("float32")), []
    for t in range(count):
        optimizer.apply([gradient(v.numpy(), t).astype("float32")], [v])
        path.append(v.numpy().copy())
    return np.array(path)


def formula(update, count=5):
    theta, state, path = START, {}, []
    for t in range(count):
        theta = update(theta, G * (1 + t), state, t + 1)
        path.append(theta)
    return np.array(path)


def e1_gradient_descent(theta, g, s, t):
    return theta - 0.1 * g


def e6_momentum(theta, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) - 0.01 * g
    return theta + s["m"]


def e10_adagrad(theta, g, s, t):
    s["s"] = s.get("s", 0) + g * g
    return theta - 0.01 * g / np.sqrt(s["s"] + 1e-7)


def e11_rmsprop(theta, g, s, t):
    s["s"] = 0.9 * s.get("s", 0) + 0.1 * g * g
    return theta - 0.01 * g / np.sqrt(s["s"] + 1e-7)


def e12_adam(theta, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) - 0.1 * g                      # the slide's m has the other sign
    s["s"] = 0.999 * s.get("s", 0) + 0.001 * g * g
    m, root = s["m"] / (1 - 0.9 ** t), np.sqrt(s["s"] / (1 - 0.999 ** t))
    return theta + 0.001 * m / (root + 1e-7)


def e16_adamax(theta, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["s"] = np.maximum(0.999 * s.get("s", 0), abs(g))          # the slide forgot the bars
    return theta - 0.001 * s["m"] / (1 - 0.9 ** t) / (s["s"] + 1e-7)


def e17_nadam(theta, g, s, t):
    now, later = (0.9 * (1 - 0.5 * 0.96 ** k) for k in (t, t + 1))
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["s"] = 0.999 * s.get("s", 0) + 0.001 * g * g
    s["all"] = s.get("all", 1) * now
    m = later * s["m"] / (1 - s["all"] * later) + (1 - now) * g / (1 - s["all"])
    return theta - 0.001 * m / (np.sqrt(s["s"] / (1 - 0.999 ** t)) + 1e-7)


@pytest.mark.parametrize("optimizer, update", [
    (optimizers.SGD(learning_rate=0.1), e1_gradient_descent),
    (optimizers.SGD(learning_rate=0.01, momentum=0.9), e6_momentum),
    (optimizers.Adagrad(0.01, initial_accumulator_value=0.0), e10_adagrad),
    (optimizers.RMSprop(learning_rate=0.01, rho=0.9), e11_rmsprop),
    (optimizers.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False, name='Adam'),
     e12_adam),
    (optimizers.Adamax(), e16_adamax),
    (optimizers.Nadam(), e17_nadam),
])
def test_formula(optimizer, update):
    np.testing.assert_allclose(steps(optimizer), formula(update), rtol=2e-5)          # epsilon: in or out


def test_e2_e3_the_mean_of_all_gradients_or_one_of_them():
    r = np.random.default_rng(0)
    x, y = r.normal(size=(6, 2)).astype("float32"), r.normal(size=(6, 1)).astype("float32")
    for size, rows in ((6, [range(6)]), (1, [[i] for i in range(6)])):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        (w,) = model.get_weights()
        model.compile(optimizers.SGD(0.1), "mse")
        model.fit(x, y, batch_size=size, shuffle=False, verbose=0)
        for part in map(list, rows):
            w = w - 0.1 * 2 * x[part].T @ (x[part] @ w - y[part]) / len(part)
        np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-5)


def test_e7_friction_one_tenth_is_ten_times_faster():
    path = steps(optimizers.SGD(0.01, momentum=0.9), 300, lambda theta, t: np.ones(4))
    np.testing.assert_allclose(path[-2] - path[-1], 0.01 / (1 - 0.9), rtol=1e-3)


def test_e9_nesterov_looks_where_momentum_leads():
    """m = beta m - rate grad(theta + beta m); theta += m: what gpunn keeps is theta + beta m."""
    def gradient(theta, t=0):
        return 2 * theta + np.sin(theta)
    path = steps(optimizers.SGD(0.05, momentum=0.8, nesterov=True), 8, gradient)
    theta, m = START, 0 * START
    for kept in path:
        m = 0.8 * m - 0.05 * gradient(theta + 0.8 * m)
        theta = theta + m
        np.testing.assert_allclose(kept, theta + 0.8 * m, rtol=1e-5)


def test_e13_e14_e15_defaults():
    adam = optimizers.Adam().get_config()
    assert (adam["beta_1"], adam["beta_2"], adam["epsilon"], adam["amsgrad"]) == (0.9, 0.999, 1e-7, False)
    assert optimizers.Adam(beta_2=0.99).beta_2 == 0.99 and optimizers.RMSprop().rho == 0.9


def test_e15_amsgrad_never_forgets_the_largest():
    def spike(theta, t):
        return np.full(4, 100.0 if t == 0 else 0.1)
    plain, largest = (steps(optimizers.Adam(0.1, beta_2=0.5, amsgrad=a), 30, spike) for a in (False, True))
    assert (abs(largest[-1] - largest[-2]) < 0.1 * abs(plain[-1] - plain[-2])).all()


def test_e18_decoupled_decay_is_not_l2():
    decoupled = steps(optimizers.AdamW(0.01, weight_decay=0.1), 1)
    l2 = steps(optimizers.Adam(0.01), 1, lambda theta, t: G + 0.1 * theta)
    np.testing.assert_allclose(decoupled[0], START * (1 - 0.01 * 0.1) - 0.01 * np.sign(G), rtol=1e-4)
    assert abs(decoupled - l2).max() > 1e-4


def test_a11_a12_the_module_has_its_old_name():
    assert keras.optimizer.SGD(learning_rate=0.001, momentum=0.9).momentum == 0.9
    assert keras.optimizer.RMSprop(learning_rate=0.01, rho=0.9).rho == 0.9


def test_a14_f1_power_scheduling():
    optimizer = keras.optimizer.SGD(learning_rate=0.01, decay=1e-4)
    optimizer.refresh(10_000)
    assert float(optimizer._rate) == pytest.approx(0.005)
    power = schedules.PowerDecay(0.8, 20)
    assert power(20) == 0.4 and power(60) == pytest.approx(0.2)
    assert schedules.PowerDecay(0.8, 20, power=2.0)(20) == pytest.approx(0.2)


def test_f2_f3_exponential_and_piecewise_constant():
    assert schedules.ExponentialDecay(0.5, 20, 0.1)(20) == pytest.approx(0.05)
    assert [schedules.PiecewiseConstantDecay([5, 15], [0.1, 0.01, 0.001])(t) for t in (0, 5, 6, 16)] == [
        0.1, 0.1, 0.01, 0.001]


def test_f5_one_cycle():
    cycle = schedules.OneCycle(0.5, 100)
    rates, momenta = zip(*((cycle(t), cycle.momentum(t)) for t in range(101)))
    np.testing.assert_allclose([rates[0], rates[25], rates[50], rates[75], rates[100]], [0.05, 0.275, 0.5, 0.275, 0.05])
    np.testing.assert_allclose([momenta[0], momenta[50], momenta[100]], [0.95, 0.85, 0.95])
    np.testing.assert_allclose(np.diff(rates, 2)[[*range(49), *range(50, 99)]], 0, atol=1e-12)       # straight lines
    longer = schedules.OneCycle(0.5, 100, final_fraction=0.2)
    assert longer(40) == 0.5 and longer(80) == pytest.approx(0.05) and longer(100) == pytest.approx(0.0005)


def test_f5_one_cycle_drives_the_momentum_of_a_training():
    v, cycle = Variable(np.zeros(1, "float32")), schedules.OneCycle(0.5, 10)
    optimizer, theta, m = optimizers.SGD(cycle, momentum=0.9), 0.0, 0.0
    for t in range(10):
        optimizer.apply([np.ones(1, "float32")], [v])
        m = cycle.momentum(t) * m - cycle(t)
        theta += m
        assert math.isclose(float(v.numpy()[0]), theta, rel_tol=1e-5)


@pytest.mark.parametrize("rate", [0.5, schedules.CosineDecay(0.5, 9)], ids=["number", "schedule"])
def test_f5_the_learning_rate_finder(rate):
    """Gradient descent on a parabola explodes from 2 / curvature on; the best is a tenth of about there."""
    keras.utils.set_random_seed(0)
    r = np.random.default_rng(0)
    x = r.normal(size=(32, 3)).astype("float32")
    y = x @ np.ones((3, 1), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(rate, momentum=0.5), "mse")
    before, finder = model.get_weights(), keras.callbacks.LearningRateFinder(1e-4, 100.0, 60)
    model.fit(x, y, batch_size=32, epochs=60, verbose=0, callbacks=[finder])
    limit = 2 / (2 * np.linalg.eigvalsh(x.T @ x / 32).max())
    assert limit / 40 < finder.suggestion < limit / 2 and len(finder.rates) < 60 and finder.rates[0] == 1e-4
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert float(model.optimizer.learning_rate) == 0.5 and int(model.optimizer.iterations) == 0
    assert not model.optimizer.variables[-1].numpy().any()
