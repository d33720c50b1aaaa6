"""Every optimizer inside a recorded step: the replay equals the eager step, bit for bit."""
import numpy as np
import pytest

import gpunn
from gpunn import layers, optimizers
from gpunn.optimizers import schedules

MANY = {"weight_decay": 0.1, "global_clipnorm": 0.7, "use_ema": True, "ema_overwrite_frequency": 2,
        "gradient_accumulation_steps": 2}
PLAIN = ("SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Lamb", "Adafactor",
         "Muon", "ScheduleFreeAdamW")
MADE = {name: lambda name=name: getattr(optimizers, name)(0.01) for name in PLAIN}
MADE |= {
    "Ftrl": lambda: optimizers.Ftrl(0.5),
    "one_cycle": lambda: optimizers.SGD(schedules.OneCycle(0.2, 15), momentum=0.9),
    "many": lambda: optimizers.Nadam(schedules.PowerDecay(0.02, 3), **MANY),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01), 1e38, 3),
    "scaled_many": lambda: optimizers.LossScaleOptimizer(MADE["many"](), 1e38, 3),
}


def trained(name, eager: bool, size=1.0):
    gpunn.set_seed(3)
    r = np.random.default_rng(0)
    x, y = (size * r.normal(size=(20, 6))).astype("float32"), r.integers(0, 3, 20)
    model = gpunn.Sequential([layers.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(3, "softmax")])
    model.compile(MADE[name](), "sparse_categorical_crossentropy", run_eagerly=eager)
    losses = model.fit(x, y, batch_size=4, epochs=4, verbose=0).history["loss"]
    return model, losses


@pytest.mark.parametrize("name", MADE)
def test_replay_equals_eager(device, name, capfd):
    (eager, losses), (replayed, same) = trained(name, True), trained(name, False)
    assert "runs eagerly" not in capfd.readouterr().err
    assert losses == same and np.isfinite(losses).all()
    for a, b in zip([*eager.weights, *eager.optimizer.variables], [*replayed.weights, *replayed.optimizer.variables],
                    strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    assert losses[-1] < losses[0]


def test_a_loss_that_was_scaled_too_far_skips_steps_until_it_fits(device):
    model, losses = trained("scaled", False, 30.0)
    assert 0 < int(model.optimizer.iterations) < 20 and np.isfinite(losses).all()
    assert np.isfinite(float(model.optimizer.dynamic_scale))


def test_one_cycle_moves_rate_and_momentum(device):
    model, _ = trained("one_cycle", False)
    schedule, rate = model.optimizer.schedule, model.optimizer.hyper.numpy()
    np.testing.assert_allclose(rate[[0, 2]], [schedule(19), schedule.momentum(19)], rtol=1e-6)
