"""Every op of the table on every device; an op without a row fails."""
import inspect

import numpy as np
import pytest

from gpunn import backend, ops
from gpunn.symbol import Symbol
from tests.kernels.devices import DEVICES

from . import check, rows_math, rows_more, rows_nn, rows_recurrent, rows_shape, rows_volume
from .table import ROWS, unwrap

FILES = (rows_math, rows_more, rows_nn, rows_recurrent, rows_shape, rows_volume)        # importing them fills the table
NO_ROW = {
    "convert_to_numpy", "custom_gradient", "dropout", "dtype", "is_tensor", "ndim", "shape", "size", "empty",
    "empty_like"
}
HEAVY = {"sim"}                     # devices where every launch is slow: the first two samples of a row


# by the array library or with a look at values: they make a step run eagerly
ON_THE_HOST = {
    "argpartition", "argsort", "bincount", "bitwise_and", "bitwise_invert", "bitwise_or", "bitwise_xor", "cholesky",
    "cholesky_inverse", "cumprod", "det", "eigh", "gcd", "histogram", "inv", "lcm", "left_shift", "logdet", "lstsq",
    "matrix_rank", "median", "nancumprod", "nanmedian", "nanpercentile", "nanquantile", "nextafter", "nonzero",
    "percentile", "pinv", "qr", "quantile", "right_shift", "slogdet", "solve", "solve_triangular", "sort", "svd",
    "top_k", "unique"
}


def has_arrays(row):
    args, _ = unwrap(row.samples[0])
    return any(isinstance(a, np.ndarray | list) for a in args)


@pytest.fixture(scope="module", params=DEVICES)
def device(request):
    DEVICES[request.param]()
    before = backend.device()
    backend.use(request.param)
    yield request.param
    backend.use(before)


def samples(row, device):
    return row.samples[:2] if device in HEAVY else row.samples


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.id)
def test_values(row, device):
    for sample in samples(row, device):
        for dtype in row.dtypes:
            check.forward(row, sample, dtype)


@pytest.mark.parametrize("row", [r for r in ROWS if r.wrt], ids=lambda r: r.id)
def test_gradients(row, device):
    for sample in samples(row, device):
        if check.differentiable(row, sample):
            check.gradient(row, sample)


FLOATS = [r for r in ROWS if "float32" in r.dtypes and r.name != "nextafter"]


@pytest.mark.parametrize("row", FLOATS, ids=lambda r: r.id)
def test_real_bfloat16_is_what_the_cpu_emulates(row):
    """Dtypes are the same; numbers may differ by what is rounded inside."""
    DEVICES["sim"]()
    before = backend.device()
    emulated, real = (check.sixteen(row, row.samples[0], device, "bfloat16") for device in ("cpu", "sim"))
    backend.use(before)
    for (kind, want), (own, got) in zip(emulated, real, strict=True):
        assert own == kind
        check.close(got, want, 0.05, row.name)


@pytest.mark.parametrize("row", [r for r in ROWS if r.symbolic], ids=lambda r: r.id)
def test_symbols(row):
    check.symbols(row, row.samples[0])


@pytest.mark.parametrize("row", [r for r in ROWS if has_arrays(r)], ids=lambda r: r.id)
def test_replay(row):
    """Whatever can be in a training step can be recorded, forward and backward."""
    before = backend.device()
    backend.use("cpu")
    refused = check.replay(row, row.samples[0])
    backend.use(before)
    assert (refused is not None) == (row.name in ON_THE_HOST), f"{row.name}: {refused or 'was recorded'}"


def test_every_public_op_has_a_row():
    public = {name: f for name, f in vars(ops).items() if inspect.isfunction(f) and not name.startswith("_")}
    rows = {id(getattr(ops, r.name)) for r in ROWS}
    missing = {name for name, f in public.items() if id(f) not in rows} - NO_ROW
    assert not missing, f"ops without a row in tests/ops: {sorted(missing)}"


@pytest.mark.parametrize("f, shape", [
    (lambda x: ops.dot(x, np.ones((3, 4), "float32")), (None, 4)),
    (lambda x: ops.einsum("ij,jk->ik", x, np.ones((3, 4), "float32")), (None, 4)),
    (lambda x: ops.tensordot(x, np.ones((3, 5), "float32"), 1), (None, 5)),
    (lambda x: ops.sort(x, 0), (None, 3)),
    (lambda x: ops.top_k(x, 2)[1], (None, 2)),
    (lambda x: ops.take_along_axis(x, np.zeros((1, 3), "int32"), 0), (1, 3)),
    (lambda x: ops.tril(x), (None, 3)),
    (lambda x: ops.roll(x, 1), (None, 3)),
    (lambda x: ops.softmax(x, (0, 1)), (None, 3)),
    (lambda x: ops.log_softmax(x, None), (None, 3)),
    (lambda x: ops.quantile(x, [0.2, 0.4], 1), (2, None)),
    (lambda x: ops.inv(ops.einsum("ij,ik->jk", x, x)), (3, 3)),
])
def test_shapes_of_graphs_with_unknown_sizes(f, shape):
    assert f(Symbol((None, 3))).shape == shape


@pytest.mark.parametrize("make, message", [
    (lambda: ops.scatter_update(np.ones(3), [[0]], [1.0], "sum"), "scatter_update: reduction is None, 'add'"),
    (lambda: ops.quantile(np.ones(3), 0.5, method="odd"), "quantile: method must be 'linear', .* got 'odd'"),
    (lambda: ops.pad(np.ones(3), 1, "edge", 2), "pad: constant_values goes with mode='constant', got mode='edge'"),
])
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_extremes_of_nothing_with_an_initial_value():
    assert ops.max(np.ones((0, 3)), initial=2).numpy() == 2
    assert ops.min(np.ones((0, 3)), 0, initial=2.0).shape == (3,)


def test_results_in_the_dtype_of_integers():
    x = np.array([[7, -8, 9]], "int32")
    y = [ops.nansum(x), ops.fmod(x, 4), ops.nanmax(x), ops.cumsum(x.astype("uint8")), ops.segment_min(x, [0], 1)]
    assert [v.dtype for v in y] == ["int32", "int32", "int32", "uint8", "int32"]
    assert ops.image.rgb_to_grayscale(np.ones((2, 2, 3), "uint8")).dtype == "uint8"
    assert ops.matmul(x > 0, (x > 0).T).dtype == "bool"


def test_scatter_takes_lists():
    np.testing.assert_array_equal(ops.scatter([[0], [2], [0]], [1.0, 2.0, 3.0], (4,)), [4, 0, 2, 0])
