"""Dtype policies with few bits: dtypes, numbers against Keras 3 and against rounding by hand, training."""
import numpy as np
import pytest

import gpunn
from gpunn import _config, backend, layers, ops
from gpunn._names import reset_uids
from gpunn.tensor import Tensor, backward, value_and_grad
from gpunn.tree import flatten
from tests.golden.layer_cases import MIXED
from tests.kernels.devices import DEVICES

from .test_golden import ABOUT, arranged, recorded

STEP = {"float16": 2.0 ** -11, "bfloat16": 2.0 ** -8}         # half the distance of two numbers near 1
POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


@pytest.fixture(params=DEVICES, autouse=True)
def device(request):
    DEVICES[request.param]()
    before = backend.device()
    backend.use(request.param)
    yield request.param
    backend.use(before)


@pytest.fixture
def policy(request):
    gpunn.config.set_dtype_policy(request.param)
    yield gpunn.config.dtype_policy()
    _config._set["policy"] = None


def nearest(x, dtype):
    """float64 numbers rounded by NumPy; to bfloat16 by scaling to whole numbers."""
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return np.float32(x).astype(np.float16).astype(float)
    fraction, exponent = np.frexp(np.float32(x).astype(float))
    return np.ldexp(np.rint(fraction * 256), exponent - 8)


def near(got, want, dtype, steps, what, scale=None):
    """Equal but for some roundings of numbers of the given size, or else of the largest among those wanted."""
    got, want = (np.asarray(a if isinstance(a, Tensor | np.ndarray) else Tensor(a), float) for a in (got, want))
    assert got.shape == want.shape, what
    atol = steps * STEP[dtype] * (scale or np.abs(want).max())
    np.testing.assert_allclose(got, want, rtol=0, atol=atol, err_msg=what)


@pytest.mark.parametrize("name", MIXED)
def test_numbers_are_those_of_keras(name):
    """Sums are in another order, and some roundings within a layer at other places."""
    expression, inputs, train, options = MIXED[name]
    reset_uids()
    layer = eval(expression, vars(layers))
    x = arranged(inputs, recorded(name, "x"))
    layer(*x)
    layer.set_weights(recorded(name, "w"))
    outputs = flatten(layer(*x, **({"training": True} if train else {})))
    dtype = layer.compute_dtype
    for y, expected in zip(outputs, recorded(name, "y"), strict=True):
        assert y.dtype == dtype
        near(y, expected, dtype, 6, "output")
    backward(sum((ops.sum(y * Tensor(backend.asarray(r))) for y, r in zip(outputs, recorded(name, "r"))), 0.0))
    for t, expected in zip([t for t in flatten(x) if t.requires_grad], recorded(name, "dx"), strict=True):
        near(t.grad, expected, dtype, 16, "gradient of an input")
    scale = max([np.abs(g).max() for g in recorded(name, "dw")], default=1.0)       # some are 0 but for roundings
    for w, expected in zip(layer.trainable_weights, recorded(name, "dw"), strict=True):
        near(w.grad, expected, dtype, 16, f"gradient of {w.path}", scale)
    assert layer.get_config()["dtype"] == ABOUT[name]["config"]["dtype"]["config"]["name"]
    assert {w.dtype for w in layer.trainable_weights} <= {layer.variable_dtype}


@pytest.mark.parametrize("dtype", STEP)
def test_a_dense_layer_rounds_what_it_reads_and_what_it_makes(dtype):
    r = np.random.default_rng(0)
    x, w, dy = (np.float32(r.normal(size=s)) for s in ((8, 16), (16, 4), (8, 4)))
    layer = layers.Dense(4, use_bias=False, dtype=f"mixed_{dtype}")
    layer.build((None, 16))
    layer.set_weights([w])
    given = Tensor(backend.asarray(x), requires_grad=True)
    y = layer(given)
    backward(ops.sum(ops.cast(y, "float32") * dy))
    x, w, dy = (nearest(a, dtype) for a in (x, w, dy))
    weights = [] if backend.current().halves else [(layer.kernel.grad, x.T @ dy)]      # on a GPU they are float32
    for got, want in ((y, x @ w), (given.grad, dy @ w.T), *weights):
        got = np.asarray(got if isinstance(got, Tensor) else Tensor(got), float)
        np.testing.assert_array_equal(got, nearest(got, dtype), "numbers of the dtype")
        near(got, want, dtype, 1.01, "rounded once")
    near(layer.kernel.grad, x.T @ dy, dtype, 1.01, "gradient of the weights")
    assert layer.kernel.dtype == "float32" and y.dtype == dtype


def test_ops_keep_the_dtype_unless_a_float32_joins():
    half = ops.cast(ops.array([1.0, 2.0, 1e-9]), "float16")
    assert [ops.exp(half).dtype, (half + 1.0).dtype, (half * half).dtype, ops.concatenate([half, half]).dtype,
            ops.zeros_like(half).dtype, (half > 1).dtype] == ["float16"] * 5 + ["bool"]
    assert [(half + ops.ones(3)).dtype, (half + ops.cast(half, "bfloat16")).dtype,
            ops.cast(half, "float32").dtype] == ["float32"] * 3
    assert half.numpy().dtype == np.float16 and float(half[2]) == 0 and np.isinf(float(ops.exp(half * 10)[1]))
    assert {ops.ones(2, "bfloat16").dtype, ops.arange(3, dtype="bfloat16").dtype, ops.eye(2, dtype="bfloat16").dtype,
            gpunn.random.normal((2,), dtype="bfloat16").dtype, ops.one_hot([1], 2, dtype="bfloat16").dtype,
            ops.convert_to_tensor([0.1], "bfloat16").dtype} == {"bfloat16"}
    assert ops.convert_to_tensor(np.float16([0.1])).dtype == "float16"


def test_gradients_flow_through_casts():
    value, slope = value_and_grad(lambda x: ops.sum(ops.cast(ops.square(ops.cast(x, "float16")), "float32")))(
        np.float32([1.0, 2.0, 1e-8]))
    assert float(value) == 5 and slope.numpy().tolist() == [2, 4, 0]


def test_symbols_have_the_dtype():
    x = gpunn.Input((4,))
    y = layers.Dense(3, dtype="mixed_float16")(x)
    assert [x.dtype, y.dtype, (y * 2).dtype, ops.cast(y, "float32").dtype, layers.ReLU(dtype="bfloat16")(y).dtype] == [
        "float32", "float16", "float16", "float32", "bfloat16"]


@pytest.mark.parametrize("policy", POLICIES, indirect=True)
def test_a_model_learns_and_its_steps_are_recorded(policy, capfd):
    gpunn.set_seed(0)
    r = np.random.default_rng(0)
    x = r.normal(size=(256, 8, 8, 1))
    y = (x.mean((1, 2, 3)) > 0).astype(int)
    model = gpunn.Sequential([gpunn.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"),
                              layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.1),
                              layers.Dense(8, "gelu"), layers.Dense(2, "softmax", dtype="float32")])
    model.compile(gpunn.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.6 * history["loss"][0] and "eagerly" not in capfd.readouterr().err
    assert model.predict(x, verbose=0).dtype == np.float32
    kernel = model.layers[0].kernel
    assert (kernel.dtype, model.layers[0].output.dtype) == (policy.variable_dtype, policy.compute_dtype)
    plain = backend.to_numpy(kernel.data)
    assert (plain == nearest(plain, policy.compute_dtype)).all() == (not policy.name.startswith("mixed"))
    again = gpunn.Sequential.from_config(model.get_config())
    assert [layer.dtype_policy for layer in again.layers] == [layer.dtype_policy for layer in model.layers]


def test_predictions_have_the_dtype():
    model = gpunn.Sequential([gpunn.Input((3,)), layers.Dense(2, dtype="mixed_float16")])
    assert model.predict(np.ones((4, 3)), verbose=0).dtype == np.float16


def test_a_layer_may_change_its_policy():
    layer = layers.Dense(2)
    layer.dtype_policy = "mixed_bfloat16"
    assert layer(np.ones((1, 3))).dtype == "bfloat16"
    layer.dtype_policy = gpunn.DTypePolicy("float32")
    assert layer(np.ones((1, 3))).dtype == "float32" and layer.kernel.dtype == "float32"


def test_layers_of_users_see_rounded_weights_and_keep_their_casts():
    class Own(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1],), "ones", name="w")

        def call(self, inputs):
            assert inputs.dtype == self.compute_dtype == "bfloat16"
            return inputs * self.w, ops.cast(inputs * self.w, "float32")
    layer = Own(dtype="mixed_bfloat16")
    x = np.float32([[1.0, 1.0]])
    layer(x)
    layer.w.assign(np.float32([1 + 2.0 ** -7, 1 + 2.0 ** -10]))
    few, many = layer(x)
    assert (few.dtype, many.dtype) == ("bfloat16", "float32") and many.numpy().tolist() == [[1 + 2.0 ** -7, 1.0]]


@pytest.mark.parametrize("dtype", STEP)
def test_rarer_ops_know_the_dtype(dtype):
    x = ops.cast(np.array([1, np.inf, -np.inf, np.nan], "float32"), dtype)
    most = {"float16": 65504.0, "bfloat16": (2 - 2.0 ** -7) * 2.0 ** 127}[dtype]
    assert ops.nan_to_num(x).numpy().tolist() == [1, most, -most, 0]
    assert ops.saturate_cast(np.array([3e38 * 1.13, 2], "float32"), dtype).numpy().tolist() == [most, 2]
    small = ops.cast(np.array([1, 0.5, 0.25], "float32"), dtype)
    assert ops.saturate_cast(small, "int8").numpy().tolist() == [1, 0, 0]
    assert ops.segment_max(small, np.array([0, 0, 1]), 2).numpy().tolist() == [1, 0.25]
    image = ops.image.resize(ops.reshape(small, (1, 3, 1)), (2, 3))
    noisy = gpunn.random.dropout(small, 0.5, noise_shape=(1,), seed=0)
    assert image.dtype == noisy.dtype == dtype and image.numpy()[:, :, 0].tolist() == [[1, 0.5, 0.25]] * 2
    assert noisy.numpy().tolist() in ([2, 1, 0.5], [0, 0, 0])
