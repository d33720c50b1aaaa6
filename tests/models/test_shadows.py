"""Mixed precision: float32 weights and, on a GPU, their 16-bit shadows that layers read and the optimizer writes."""
import numpy as np
import pytest

import gpunn
from gpunn import _config, backend, layers, optimizers
from gpunn.storage import format as container
from tests import sim
from tests.layers.test_mixed import nearest

from . import test_resume

POLICIES, LOSS = ("mixed_float16", "mixed_bfloat16"), gpunn.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(params=POLICIES)
def policy(request):
    gpunn.config.set_dtype_policy(request.param)
    yield request.param
    _config._set["policy"] = None


@pytest.fixture
def on_sim():
    sim.install()
    before = backend.device()
    gpunn.use("sim")
    yield
    gpunn.use(before)


def model_of(*middle, optimizer="adam", **options):
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((5,)), layers.Dense(8, "relu"), *middle, layers.Dense(3)])
    model.compile(optimizer, LOSS, metrics=["accuracy"], **options)
    return model


def data(n=24):
    dice = np.random.default_rng(2)
    return dice.normal(size=(n, 5)).astype("float32"), dice.integers(0, 3, n)


def fitted(model, epochs=1):
    model.fit(*data(), batch_size=4, epochs=epochs, verbose=0)
    return model


def check(model):
    """Every shadow that there is holds the weight's numbers; and there are some."""
    shadowed = [w for w in model.weights if getattr(w, "shadow", None) is not None]
    for w in shadowed:
        numbers = backend.to_numpy(w.shadow).astype("float32")
        np.testing.assert_array_equal(numbers, nearest(w.numpy(), w.compute), w.path)
    assert shadowed and all(w.data.dtype == "float32" for w in model.weights)


@pytest.mark.parametrize("name, options", [
    ("Adam", {}), ("SGD", {"weight_decay": 0.01, "use_ema": True, "ema_overwrite_frequency": 2}), ("Lamb", {}),
    ("Muon", {}), ("Adafactor", {}), ("Nadam", {}), ("Adam", {"gradient_accumulation_steps": 2})])
def test_the_optimizer_writes_the_shadows(on_sim, name, options):
    _config._set["policy"] = gpunn.DTypePolicy("mixed_bfloat16")
    model = model_of(optimizer=getattr(optimizers, name)(0.01, **options))
    _config._set["policy"] = None
    before = model.get_weights()
    check(fitted(model))
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_whatever_writes_weights_writes_the_shadows(on_sim, policy, tmp_path):
    model = fitted(model_of(layers.Dense(4, kernel_constraint="max_norm")))
    check(model)
    model.set_weights([w + 0.1 for w in model.get_weights()])
    check(model)
    model.weights[0].assign_add(np.full((5, 8), 0.01, "float32"))
    check(model)
    model.save_weights(tmp_path / "a.weights.safetensors")
    model.set_weights([w * 0 for w in model.get_weights()])
    check(model)
    assert not model.predict(data()[0], verbose=0).any()
    model.load_weights(tmp_path / "a.weights.safetensors")
    check(model)
    assert model.predict(data()[0], verbose=0).any()


def test_a_file_holds_the_float32_weights_alone(device, policy, tmp_path):
    model = fitted(model_of())
    model.save(tmp_path / "m.safetensors")
    arrays = container.load(tmp_path / "m.safetensors")[0]
    assert {str(a.dtype) for a in arrays.values()} <= {"float32", "int32", "uint32"}
    again = gpunn.models.load_model(tmp_path / "m.safetensors")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = data()[0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_resuming_gives_the_same_bits(device, policy, tmp_path, name):
    test_resume.test_the_bits_are_the_same(device, tmp_path, name)


def test_a_recorded_training_equals_the_eager_one(on_sim, policy, capfd):
    recorded, eager = (fitted(model_of(layers.Dropout(0.2), run_eagerly=e)) for e in (False, True))
    assert "eagerly" not in capfd.readouterr().err
    for a, b in zip(recorded.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_gpu_trains_as_the_cpu_does(policy):
    sim.install()
    losses, before = [], backend.device()
    for name in ("cpu", "sim"):
        gpunn.use(name)
        model = model_of(optimizer=optimizers.Adam(0.02))
        losses.append(model.fit(*data(), batch_size=8, epochs=6, verbose=0, shuffle=False).history["loss"])
    gpunn.use(before)
    np.testing.assert_allclose(*losses, rtol=0.02)
    assert losses[1][-1] < 0.9 * losses[1][0]


def test_layers_of_unlike_policies_share_an_optimizer(on_sim):
    model = model_of(layers.Dense(6, dtype="mixed_float16"), layers.Dense(6, dtype="mixed_bfloat16"),
                     layers.Dense(6, dtype="bfloat16"))
    first, *halves = model.layers[:4]
    check(fitted(model))
    assert not hasattr(first.kernel, "shadow") and [w.kernel.shadow is not None for w in halves] == [True, False, False]
    assert halves[2].kernel.numpy().tolist() == nearest(halves[2].kernel.numpy(), "bfloat16").tolist()
    again = model_of(layers.Dense(6), layers.Dense(6), layers.Dense(6))
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(data()[0], verbose=0), again.predict(data()[0], verbose=0), atol=0.03)


def test_frozen_weights_have_shadows_of_their_own(on_sim, policy):
    model = model_of()
    model.layers[0].trainable = False
    model.compile("adam", LOSS)
    kernel, numbers = model.layers[0].kernel, model.layers[0].get_weights()
    check(fitted(model))
    assert kernel.shadow is not None and model.optimizer.variables
    for a, b in zip(numbers, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.layers[0].trainable = True
    model.compile("adam", LOSS)
    check(fitted(model))
    assert (kernel.numpy() != numbers[0]).any()


def test_memory_is_estimated_by_what_the_numbers_take(on_sim):
    from gpunn.models import memory
    few, plain = (gpunn.Sequential([layers.Input((5,)), layers.Dense(100, dtype=d), layers.Dense(7, dtype=d)])
                  for d in ("mixed_bfloat16", "float32"))
    assert sum(memory.per_sample(plain).values()) == 2 * 4 * 107
    assert sum(memory.per_sample(few).values()) == 2 * 2 * 107
    assert memory.fixed(few) == memory.fixed(plain) + 2 * few.count_params()
