"""What is set for the whole program has its effect everywhere."""
import numpy as np
import pytest

import gpunn
from gpunn import config, constraints, layers, losses, ops


@pytest.fixture(autouse=True)
def as_before():
    precision = config.matmul_precision()
    yield
    config.set_matmul_precision(precision)


def test_defaults_are_those_of_keras():
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == ("float32", 1e-7, "channels_last")
    assert config.dtype_policy().name == "float32" and config.is_interactive_logging_enabled()


def test_floatx_is_the_dtype_of_what_is_new():
    config.set_floatx("float64")
    layer = layers.Dense(2)
    y = layer(np.ones((3, 4), "float32"))
    assert (layer.kernel.dtype, y.dtype, config.dtype_policy().name) == ("float64",) * 3
    new = (ops.ones(3), gpunn.random.normal((2,)), ops.convert_to_tensor([1.5]), gpunn.Input((3,)), ops.arange(3.0),
           ops.sqrt(ops.arange(3)), gpunn.metrics.Mean())
    assert {thing.dtype for thing in new} == {"float64"}


def test_a_model_trains_and_predicts_in_floatx():
    config.set_floatx("float64")
    gpunn.set_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3))
    model = gpunn.Sequential([layers.Dense(1)])
    model.compile(gpunn.optimizers.SGD(0.1), "mse")
    model.fit(x, x.sum(1), epochs=60, verbose=0)
    assert model.predict(x, verbose=0).dtype == np.float64
    assert model.evaluate(x, x.sum(1), verbose=0) < 1e-10           # float32 stops near 1e-14 of a sum near 1


def test_epsilon_is_used_where_keras_uses_it():
    config.set_epsilon(0.25)
    assert float(losses.binary_crossentropy([[1.0]], [[0.0]])) == pytest.approx(-np.log(0.25))
    assert float(ops.normalize(ops.array([[0.1]]))[0, 0]) == pytest.approx(0.4)
    assert float(constraints.UnitNorm()(ops.array([[0.75]]))[0, 0]) == pytest.approx(0.75)


def test_image_data_format_is_the_default_of_layers_and_ops():
    config.set_image_data_format("channels_first")
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 6)).astype("float32")
    layer = layers.Conv2D(4, 3)
    assert layer(x).shape == (2, 4, 6, 4) and layers.MaxPooling2D()(x).shape == (2, 3, 4, 3)
    assert ops.average_pool(ops.array(x), 2).shape == (2, 3, 4, 3)
    assert layer.get_config()["data_format"] == "channels_first"
    config.set_image_data_format("channels_last")
    assert layer(x).shape == (2, 4, 6, 4), "a layer keeps the format that it was made with"


@pytest.mark.parametrize("f, value, match", [
    (config.set_floatx, "float23", "did you mean 'float32'"),
    (config.set_image_data_format, "channel_last", "did you mean 'channels_last'"),
    (config.set_backend, "torch", "must be 'numpy', 'cupy' or 'auto', got 'torch'"),
    (config.set_dtype_policy, "mixed_float8", "got 'mixed_float8'; did you mean 'mixed_float16'"),
    (config.set_matmul_precision, "hihgest", "must be 'highest', 'high' or 'medium', got 'hihgest'; did you mean"),
    (config.set_dtype_policy, 5, "set_dtype_policy: dtype policy must be .* got 5"),
])
def test_what_is_unknown_is_refused(f, value, match):
    with pytest.raises(ValueError, match=match):
        f(value)


def test_matmul_precision_is_that_of_tf32_and_changes_nothing_on_a_cpu():
    assert config.matmul_precision() == "high"
    x = np.random.default_rng(0).normal(size=(40, 50)).astype("float32")
    full = np.asarray(ops.matmul(x, x.T))
    for precision in ("highest", "medium"):
        config.set_matmul_precision(precision)
        assert config.matmul_precision() == precision
        np.testing.assert_array_equal(np.asarray(ops.matmul(x, x.T)), full)


def test_backend_is_the_array_library():
    assert config.backend() == {"cpu": "numpy"}.get(gpunn.device(), "cupy")
