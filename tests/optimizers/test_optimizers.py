"""Optimizers by themselves: counters, configs, schedules in closed form, flat buffers."""
import math

import numpy as np
import pytest

from gpunn import Variable, optimizers
from gpunn.optimizers import schedules


def variables(*shapes):
    return [Variable(np.ones(s, "float32"), name=f"v{i}") for i, s in enumerate(shapes)]


def test_constant_gradient_reaches_terminal_velocity():
    (v,) = variables((1,))
    optimizer, before = optimizers.SGD(0.01, momentum=0.9), 1.0
    for _ in range(200):
        before = float(v.numpy()[0])
        optimizer.apply([np.ones(1, "float32")], [v])
    assert before - float(v.numpy()[0]) == pytest.approx(0.01 / (1 - 0.9), rel=1e-3)


def test_decay_of_sgd_really_decays():
    (v,) = variables((1,))
    optimizer, rates = optimizers.SGD(0.1, decay=0.5), []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([np.ones(1, "float32")], [v])
    np.testing.assert_allclose(rates, [0.1 / (1 + 0.5 * t) for t in range(4)], rtol=1e-6)
    np.testing.assert_allclose(v.numpy(), 1 - sum(rates), rtol=1e-5)


def test_iterations_count_updates_and_calls_count_batches():
    (v,) = variables((2,))
    optimizer = optimizers.SGD(gradient_accumulation_steps=3)
    for _ in range(7):
        optimizer.apply([np.ones(2, "float32")], [v])
    assert int(optimizer.iterations) == 2 and int(optimizer.calls) == 7
    np.testing.assert_allclose(v.numpy(), 1 - 2 * 0.01, rtol=1e-6)


def test_pairs_of_gradients_and_variables():
    a, b = variables((2,), (3,))
    optimizers.SGD(0.5).apply_gradients([(np.ones(2, "float32"), a), (None, b)])
    assert (a.numpy() == 0.5).all() and (b.numpy() == 1).all()


def test_rate_can_be_set_while_training():
    (v,) = variables((1,))
    optimizer = optimizers.SGD(0.5)
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(1, "float32")], [v])
    assert float(v.numpy()[0]) == 0.75 and float(optimizer.learning_rate) == 0.25


def test_weights_keep_their_values_and_lie_in_lines_of_256_bytes():
    made = variables((3, 5), (7,), ())
    made[1].assign(np.arange(7))
    flat = optimizers.FlatParams(made)
    np.testing.assert_array_equal(made[1].numpy(), np.arange(7))
    assert [flat.places[id(v)][0] * 4 % 256 for v in made] == [0, 0, 0]
    assert [flat.places[id(v)][0] for v in made] == sorted((flat.places[id(v)][0] for v in made), reverse=True)
    flat.data[...] = 3
    assert all((v.numpy() == 3).all() for v in made)


def test_excluded_weights_do_not_decay():
    a, b = variables((2,), (2,))
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[b])
    optimizer.apply([np.zeros(2, "float32")] * 2, [a, b])
    np.testing.assert_allclose(a.numpy(), 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(b.numpy(), 1)


CLASSES = [c for name, c in optimizers.KNOWN.items() if name[0].isupper() and c is not optimizers.LossScaleOptimizer]


@pytest.mark.parametrize("kind", CLASSES)
def test_config_round_trip(kind):
    made = kind(schedules.CosineDecay(0.1, 10), clipnorm=1.0)
    copy = optimizers.deserialize(optimizers.serialize(made))
    assert copy.get_config() == made.get_config() and isinstance(copy.schedule, schedules.CosineDecay)


def test_config_of_a_scaled_optimizer():
    made = optimizers.LossScaleOptimizer(optimizers.SGD(0.5, momentum=0.5), 8.0, 7, name="mine")
    copy = optimizers.deserialize(optimizers.serialize(made))
    assert copy.get_config() == made.get_config() and copy.inner_optimizer.momentum == 0.5
    assert float(copy.learning_rate) == 0.5 and float(copy.scale_loss(Variable(2.0))) == 16


class KerasMomentum(optimizers.Optimizer):
    """As Keras' guide writes it."""

    def __init__(self, learning_rate=0.1, momentum=0.9, name="keras_momentum", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.momentums = [self.add_variable_from_reference(reference_variable=v, name="momentum") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, m * self.momentum - gradient * learning_rate)
        self.assign_add(variable, m)

    def get_config(self):
        return super().get_config() | {"momentum": self.momentum}


def test_an_optimizer_of_ones_own():
    ours, theirs = variables((3,), (2, 2)), variables((3,), (2, 2))
    built_in, own = optimizers.SGD(0.1, 0.9, weight_decay=0.1), KerasMomentum(weight_decay=0.1)
    for step in range(4):
        grads = [np.full(v.shape, 1.0 + step, "float32") for v in ours]
        built_in.apply(grads, ours)
        own.apply(grads, theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert len(own.variables) == 4 and own.variables[-1].name == "v1_momentum"
    assert KerasMomentum.from_config(own.get_config()).get_config() == own.get_config()
    with pytest.raises(ValueError, match="KerasMomentum steps by an update_step of its own"):
        optimizers.LossScaleOptimizer(own)


def test_a_function_of_nothing_gives_the_rate():
    (v,) = variables((1,))
    rates = iter([0.5, 0.25])
    optimizer = optimizers.SGD(lambda: next(rates))
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [v])
    assert float(v.numpy()[0]) == 0.25


SCHEDULES = [
    (schedules.ExponentialDecay(1.0, 10, 0.1), 10, 0.1),
    (schedules.ExponentialDecay(1.0, 10, 0.5, staircase=True), 19, 0.5),
    (schedules.InverseTimeDecay(1.0, 5, 1.0), 5, 0.5),
    (schedules.PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), 3, 1.0),
    (schedules.PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), 7, 0.1),
    (schedules.PolynomialDecay(1.0, 10, 0.0, power=2.0), 5, 0.25),
    (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), 15, 0.25),
    (schedules.CosineDecay(1.0, 10, alpha=0.2), 5, 0.8 * 0.5 + 0.2),
    (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 1, 0.25),
    (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 9, 0.5 * (1 + math.cos(math.pi / 2))),
    (schedules.CosineDecayRestarts(1.0, 4, t_mul=2.0, m_mul=0.5), 8, 0.5 * 0.5 * (1 + math.cos(math.pi * 0.5))),
]


@pytest.mark.parametrize("schedule, step, rate", SCHEDULES)
def test_schedule(schedule, step, rate):
    assert schedule(step) == pytest.approx(rate, rel=1e-9)
    assert type(schedule).from_config(schedule.get_config())(step) == schedule(step)


@pytest.mark.parametrize("act, message", [
    (lambda: optimizers.SGD(momentum=2), "SGD: momentum must be a number between 0 and 1, got 2"),
    (lambda: optimizers.Adam(clipnorm=1, clipvalue=1), "give only one of clipnorm, clipvalue and global_clipnorm"),
    (lambda: optimizers.Adam(gradient_accumulation_steps=1), "must be an integer >= 2, got 1"),
    (lambda: optimizers.SGD(ema_momentum=2), "ema_momentum must be between 0 and 1, got 2"),
    (lambda: optimizers.SGD(ema_overwrite_frequency=0), "ema_overwrite_frequency must be an integer >= 1, got 0"),
    (lambda: optimizers.Lion(beta_1=0), "Lion: beta_1 must be above 0 and at most 1, got 0"),
    (lambda: optimizers.Ftrl(initial_accumulator_value=-1), "Ftrl: initial_accumulator_value must be 0 or more"),
    (lambda: optimizers.Ftrl(learning_rate_power=1), "Ftrl: learning_rate_power must be 0 or less, got 1"),
    (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False), "dynamic=False is not served"),
    (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0), "set clipnorm on the inner optimizer"),
    (lambda: optimizers.AdamW(weight_decay=None), "use Adam to train without decay"),
    (lambda: optimizers.SGD().apply([None], [Variable(np.ones(2))]), "sgd.*: no gradient for any variable"),
    (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), "one more value than boundaries, got 1 values"),
])
def test_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_unknown_argument_of_an_optimizer():
    with pytest.raises(TypeError, match="Adagrad: unknown argument 'lr'"):
        optimizers.Adagrad(lr=0.1)


def test_unknown_argument_of_a_schedule():
    with pytest.raises(TypeError, match="ExponentialDecay: unknown argument 'decay_step'; did you mean 'decay_steps'"):
        schedules.ExponentialDecay(1.0, decay_step=3, decay_rate=0.1)


def test_a_stateless_step_changes_nothing():
    (v,) = variables((2,))
    optimizer = optimizers.SGD(0.1, momentum=0.5, name="o")
    optimizer.build([v])
    (weight,), state = optimizer.stateless_apply([0, 0.1, np.ones(2)], [np.ones(2, "float32")], [np.zeros(2)])
    np.testing.assert_allclose(weight.numpy(), [0.4, 0.4], rtol=1e-6)
    assert [int(state[0]), *state[2].tolist()] == [1, pytest.approx(0.4), pytest.approx(0.4)]
    assert int(optimizer.iterations) == 0 and v.numpy().tolist() == [1, 1]
    assert [v.path for v in optimizer.variables] == ["o/iteration", "o/learning_rate", "o/v0_momentum"]


def test_what_an_optimizer_remembers_goes_into_another():
    v, store = Variable(np.ones(3, "float32")), {}
    first, second = optimizers.Adam(0.1), optimizers.Adam(0.1)
    first.apply([np.ones(3, "float32")], [v])
    first.save_own_variables(store)
    second.build([v])
    second.load_own_variables(store)
    assert int(second.iterations) == 1 and len(store) == len(second.variables) == 4
    np.testing.assert_array_equal(second.variables[2], first.variables[2])
