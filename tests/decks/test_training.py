"""Rows E, F, G and J that are about how a training behaves: momentum, rates, dropout, recipes, overfitting."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import layers, ops, optimizers, recipes
from gpunn.optimizers import schedules

R = np.random.default_rng(0)


def descend(optimizer, f, start, steps):
    """-> the points on the way down the surface f"""
    v, path = keras.Variable(np.array(start, "float32")), [np.array(start)]
    slope = keras.grad(f)
    for _ in range(steps):
        optimizer.apply([slope(v.numpy()).numpy()], [v])
        path.append(v.numpy().copy())
    return np.array(path)


def ravine(x):
    """A valley: fifty times steeper across than along."""
    return 0.5 * x[0] * x[0] + 25.0 * x[1] * x[1]


def hollow(x):
    """A hollow at about 0.96, and the lowest place at about -1.04, over a hill."""
    return ops.sum((x * x - 1.0) * (x * x - 1.0) + 0.3 * x)


TABLE = {"SGD": optimizers.SGD(0.02), "momentum": optimizers.SGD(0.02, momentum=0.9),
         "Nesterov": optimizers.SGD(0.02, momentum=0.9, nesterov=True), "Adagrad": optimizers.Adagrad(0.02),
         "RMSprop": optimizers.RMSprop(0.04), "Adam": optimizers.Adam(0.1), "Nadam": optimizers.Nadam(0.1),
         "AdaMax": optimizers.Adamax(0.1)}


def test_e19_e20_the_speeds_of_the_table():
    """Steps down a ravine until the loss is a thousandth: GD is slow, Adagrad stops too early."""
    steps = {}
    for name, optimizer in TABLE.items():
        loss = [float(ravine(x)) for x in descend(optimizer, ravine, [3.0, 1.0], 400)]
        steps[name] = next((i for i, value in enumerate(loss) if value < loss[0] / 1000), 400)
    assert len(steps) == 8 and steps["Adagrad"] == 400
    assert all(steps[name] < steps["SGD"] for name in steps if name not in ("SGD", "Adagrad"))
    assert steps["Nesterov"] <= steps["momentum"]


def test_e8_momentum_overshoots_and_swings():
    path = descend(optimizers.SGD(0.05, momentum=0.9), lambda x: ops.sum(x * x), [1.0], 100)[:, 0]
    assert path.min() < -0.3 and np.sum(np.diff(np.sign(path)) != 0) >= 3 and abs(path[-1]) < 0.05
    assert (descend(optimizers.SGD(0.05), lambda x: ops.sum(x * x), [1.0], 100) > 0).all()


def test_e22_momentum_rolls_through_a_local_minimum():
    plain, ball = (descend(optimizers.SGD(0.02, momentum=m), hollow, [1.8], 300)[-1, 0] for m in (0.0, 0.9))
    assert plain == pytest.approx(0.96, abs=0.01) and ball == pytest.approx(-1.035, abs=0.01)


def test_e21_j9_j10_adaptive_rates_do_not_depend_on_the_size_of_gradients():
    for make, same in ((optimizers.Adam, True), (optimizers.RMSprop, True), (optimizers.SGD, False)):
        paths = [descend(make(0.01), lambda x, c=c: c * ravine(x), [3.0, 1.0], 20) for c in (1.0, 0.01)]
        assert np.allclose(*paths, atol=1e-3) == same


def test_e27_i12_i14_the_gradient_points_uphill():
    x = np.array([3.0, 1.0])
    slope = keras.grad(ravine)(x).numpy()
    np.testing.assert_allclose(slope, [3, 50])
    assert float(ravine(x - 1e-3 * slope)) < float(ravine(x)) < float(ravine(x + 1e-3 * slope))
    assert float(keras.grad(lambda x: x * x)(-1.0)) < 0 < float(keras.grad(lambda x: x * x)(1.0))


def test_e28_stops_when_the_weights_stand_still():
    x = R.normal(size=(64, 2)).astype("float32")
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.3), "mse")
    history = model.fit(x, x @ [[1.0], [2.0]], batch_size=64, epochs=500, verbose=0,
                        callbacks=[keras.callbacks.StopOnConvergence(1e-5)]).history
    assert 5 < len(history["loss"]) < 200 and history["loss"][-1] < 1e-6


@pytest.mark.parametrize("rate, low, high", [(1e-4, 0.97, 1.0), (0.3, 0.0, 1e-9), (1.1, 10, np.inf)])
def test_f8_j5_too_low_is_slow_and_too_high_diverges(rate, low, high):
    path = descend(optimizers.SGD(rate), lambda x: ops.sum(x * x), [1.0], 60)[:, 0]
    assert low < abs(path[-1]) <= high


@pytest.mark.parametrize("schedule, step, rate", [
    (schedules.PowerDecay(0.1, 20), 20, 0.05), (schedules.ExponentialDecay(0.1, 20, 0.1), 20, 0.01),
    (schedules.PiecewiseConstantDecay([20], [0.1, 0.03]), 21, 0.03)])
def test_f7_a_schedule_as_an_object_and_as_a_callback(schedule, step, rate):
    seen = []
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    note = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(float(model.optimizer.learning_rate)))
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: float(schedule(epoch)))
    model.fit(np.ones((2, 2)), np.ones(2), epochs=step + 1, verbose=0, callbacks=[scheduler, note])
    assert seen[step] == pytest.approx(rate) and float(schedule(step)) == pytest.approx(rate)


def test_g2_l1_drives_weights_to_zero_and_l2_does_not():
    x = R.normal(size=(200, 10)).astype("float32")
    y = x[:, :1] * 2 - x[:, 1:2]
    small = {}
    for name in ("L1", "L2"):
        model = keras.Sequential([keras.Input((10,)), layers.Dense(
            1, kernel_regularizer=getattr(keras.regularizers, name)(0.5))])
        model.compile(optimizers.SGD(schedules.InverseTimeDecay(0.05, 10, 0.5)), "mse")
        model.fit(x, y, batch_size=200, epochs=400, verbose=0)
        small[name] = int(np.sum(abs(model.get_weights()[0]) < 2e-3))
    assert small["L1"] >= 8 > 4 >= small["L2"]


def test_g3_g4_g6_g19_dropout():
    x = np.ones((200, 500), "float32")
    for rate in (0.2, 0.5, 0.8):
        y = layers.Dropout(rate)(x, training=True).numpy()
        assert np.mean(y == 0) == pytest.approx(rate, abs=0.01)         # dropped with probability p
        assert y.max() == pytest.approx(1 / (1 - rate)) and y.mean() == pytest.approx(1, abs=0.02)
        np.testing.assert_array_equal(layers.Dropout(rate)(x, training=False).numpy(), x)


def test_g5_losses_are_compared_without_dropout():
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5), layers.Dense(1)])
    model.compile(optimizers.SGD(0.0), "mse")
    x = R.normal(size=(512, 8)).astype("float32")
    (y,) = model.get_weights()[:1]
    with_dropout = model.fit(x, x @ y, verbose=0).history["loss"][0]
    assert model.evaluate(x, x @ y, verbose=0) < 1e-9 < 0.1 < with_dropout


def test_g8_max_norm_while_training():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(0.5))])
    model.compile(optimizers.SGD(0.5), "mse")
    x = R.normal(size=(64, 4)).astype("float32")
    model.fit(x, 10 * x[:, :3], epochs=5, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(model.get_weights()[0], axis=0), 0.5, rtol=1e-5)


def digits():
    (x, y), (u, v) = keras.datasets.digits.load_data()
    mean, deviation = x.mean(0), x.std(0) + 1e-3
    return ((x - mean) / deviation, y), ((u - mean) / deviation, v)


@pytest.mark.parametrize("recipe", [recipes.default_dnn, recipes.self_normalizing])
def test_g13_g14_recipes(recipe):
    train, test = digits()
    keras.set_seed(0)
    model, callbacks = recipe(train[0].shape[1:], 10, 15 * -(-len(train[0]) // 32))
    model.fit(*train, epochs=15, verbose=0, validation_data=test, callbacks=callbacks)
    assert model.evaluate(*test, verbose=0)[1] > 0.94


def test_g13_g14_what_is_in_the_recipes():
    plain, stops = recipes.default_dnn((4,), 3, 100, hidden=(8, 8))
    normal, none = recipes.self_normalizing((4,), 3, 100, hidden=(8, 8))
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (plain, normal)]
    assert kinds[0][1:4] == ["Dense", "BatchNormalization", "Activation"]
    assert kinds[1] == ["Flatten", "Dense", "Dense", "AlphaDropout", "Dense"]
    assert plain.layers[1].get_config()["kernel_initializer"]["class_name"] == "HeNormal"
    assert plain.layers[3].get_config()["activation"] == "elu"
    config = normal.layers[1].get_config()
    assert (config["kernel_initializer"]["class_name"], config["activation"]) == ("LecunNormal", "selu")
    assert [type(s) for s in stops] == [keras.callbacks.EarlyStopping] and none == []
    for model in (plain, normal):
        optimizer = model.optimizer.get_config()
        assert (optimizer["name"], optimizer["momentum"]) == ("SGD", 0.9) or optimizer["momentum"] == 0.9
        assert optimizer["learning_rate"]["class_name"] == "OneCycle"


@pytest.mark.parametrize("options, length", [({"clipnorm": 1.0}, 1.0), ({"global_clipnorm": 1.0}, 1.0),
                                             ({"clipvalue": 0.5}, 0.5 * np.sqrt(2))])
def test_g17_clipping_tames_exploding_gradients(options, length):
    path = descend(optimizers.SGD(1.0, **options), lambda x: 1e6 * ops.sum(x), [0.0, 0.0], 1)
    assert np.linalg.norm(path[1]) == pytest.approx(length, rel=1e-5)


def test_g18_j8_a_large_network_overfits_and_a_penalty_helps():
    keras.set_seed(0)
    x, u = (R.normal(size=(n, 8)).astype("float32") for n in (30, 300))
    y, v = (part[:, :1] + R.normal(size=(len(part), 1)) for part in (x, u))
    gaps = []
    for penalty in (None, keras.regularizers.L2(0.05)):
        model = keras.Sequential([keras.Input((8,)), layers.Dense(64, "relu", kernel_regularizer=penalty),
                                  layers.Dense(1, kernel_regularizer=penalty)])
        model.compile(optimizers.Adam(0.01), "mse", metrics=["mse"])
        history = model.fit(x, y, epochs=200, verbose=0, validation_data=(u, v)).history
        gaps.append(history["val_mse"][-1] - history["mse"][-1])
    assert gaps[0] > 1.0 and gaps[1] < 0.8 * gaps[0]
