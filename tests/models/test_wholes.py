"""Models of many parts: whole-model checkpoints, loading, training on, cloning and resuming, under every dtype policy;
float16 with a loss that is scaled."""
import numpy as np
import pytest

import gpunn
from gpunn import _config, layers, optimizers
from gpunn.callbacks import BackupAndRestore, LambdaCallback, ModelCheckpoint
from gpunn.models import clone_model, load_model

from .test_saving import same

R = np.random.default_rng(0)


@pytest.fixture
def policy(request):
    gpunn.config.set_dtype_policy(request.param)
    yield request.param
    _config._set["policy"] = None


def sequence(*parts):
    return gpunn.Sequential([*parts, layers.Flatten(), layers.Dense(1)])


def grouped():
    x = layers.Input((4, 8))
    return gpunn.Model(x, layers.Dense(1)(layers.Flatten()(layers.GroupQueryAttention(4, 4, 2)(x, x))))


MODELS = {
    "lookup": (lambda: sequence(layers.Input((5,), dtype="int32"), layers.IntegerLookup(
        vocabulary=[3, 5, 9], num_oov_indices=2), layers.Embedding(6, 4)), R.integers(0, 12, (16, 5)).astype("int32")),
    "volumes": (lambda: sequence(layers.Input((4, 4, 4, 2)), layers.Conv3D(3, 3, activation="relu"),
                                 layers.BatchNormalization(), layers.SpatialDropout3D(0.2), layers.UpSampling3D(2),
                                 layers.AveragePooling3D(2)), R.normal(size=(16, 4, 4, 4, 2))),
    "einsum": (lambda: sequence(layers.Input((5, 4)), layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")),
               R.normal(size=(16, 5, 4))),
    "grouped": (grouped, R.normal(size=(16, 4, 8))),
}
SCHEDULES = optimizers.schedules
OPTIMIZERS = {
    "power": lambda: optimizers.SGD(SCHEDULES.PowerDecay(0.1, 10)),
    "cycle": lambda: optimizers.SGD(SCHEDULES.OneCycle(0.1, 20), momentum=0.9),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01)),
    "average": lambda: optimizers.Adam(0.01, use_ema=True),
    **{name: getattr(optimizers, name) for name in ("Adafactor", "Ftrl", "Lamb", "Lion", "Muon", "ScheduleFreeAdamW")},
}


def made(name="einsum", optimizer="adam"):
    model = MODELS[name][0]()
    model.compile(optimizer if isinstance(optimizer, str) else optimizer(), "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("name, policy", [
    *((name, "float32") for name in MODELS),
    ("lookup", "float16"), ("volumes", "mixed_bfloat16"), ("grouped", "bfloat16"), ("einsum", "mixed_float16")],
    indirect=["policy"])
def test_checkpoints_load_train_on_and_clone(name, policy, tmp_path):
    x, y, path = MODELS[name][1], R.normal(size=(16, 1)), tmp_path / "m.keras"
    model, options = made(name), {"batch_size": 5, "epochs": 2, "verbose": 0}
    model.fit(x, y, callbacks=[ModelCheckpoint(path)], **options)
    copy, clone = load_model(path), clone_model(model)
    assert copy.fit(x, y, **options).history == model.fit(x, y, **options).history
    same(copy.get_weights(), model.get_weights())
    assert [part.dtype_policy.name for part in clone.layers] == [policy] * len(model.layers)
    clone.set_weights(model.get_weights())
    same(clone.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_training_that_was_broken_off_ends_with_the_same_bits(optimizer, tmp_path):
    """Ctrl-C inside an epoch; the backup is from two steps before."""
    x, y = MODELS["einsum"][1], R.normal(size=(16, 1))

    def trained(folder, *more):
        gpunn.set_seed(3)
        model = made(optimizer=optimizer)
        model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[*more, BackupAndRestore(folder, save_freq=3)])
        return model.get_weights()

    def interrupt(batch, logs):
        seen.append(batch)
        if len(seen) == 6:
            raise KeyboardInterrupt
    seen = []
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", LambdaCallback(on_train_batch_end=interrupt))
    assert (tmp_path / "b" / "latest.safetensors").exists()
    same(trained(tmp_path / "b"), trained(tmp_path / "whole"))


@pytest.mark.parametrize("policy", ["mixed_float16"], indirect=True)
def test_float16_scales_the_loss_and_skips_what_overflows(policy, tmp_path):
    x = R.normal(size=(256, 4)) * 4
    model = gpunn.Sequential([layers.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    model.compile(optimizers.SGD(0.01), "mse")
    optimizer, before, y = model.optimizer, model.get_weights(), x.sum(1, keepdims=True)
    assert isinstance(optimizer, optimizers.LossScaleOptimizer) and optimizer.dynamic_scale == 2 ** 15
    model.train_on_batch(4 * x, 4 * y)
    same(model.get_weights(), before)
    assert optimizer.dynamic_scale == 2 ** 14 and optimizer.iterations == 0
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.02 * losses[0] and 0 < int(optimizer.iterations) <= 160
    model.save(tmp_path / "m")
    assert type(load_model(tmp_path / "m").optimizer.inner_optimizer) is optimizers.SGD
    model.compile("sgd", "mse", auto_scale_loss=False)
    model.save(tmp_path / "m")
    assert type(load_model(tmp_path / "m").optimizer) is optimizers.SGD


def test_weights_that_do_not_decay_are_those_of_the_optimizer_inside():
    inner = optimizers.AdamW(0.1)
    optimizers.LossScaleOptimizer(inner).exclude_from_weight_decay(var_names=["bias"])
    assert inner.kept_out == {"bias"}
