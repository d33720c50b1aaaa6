"""The stand-in captures as CuPy does: nothing runs, arguments are baked, and what CUDA refuses raises."""
import gc

import numpy as np
import pytest

from tests.sim import facade as cp
from tests.sim import planted
from tests.sim.capture import CaptureError, all_released


@pytest.fixture(autouse=True)
def released():
    with all_released():
        yield


@pytest.fixture
def stream():
    return cp.cuda.Stream(non_blocking=True)


def launch(name, *args):
    cp.RawModule(code=planted.STEP).get_function(name)((1,), (32,), args)


class capturing:
    """with capturing(stream) as graph: ...; graph is complete afterwards."""

    def __init__(self, stream, mode=cp.cuda.runtime.streamCaptureModeThreadLocal):
        self.stream, self.mode = stream, mode

    def __enter__(self):
        self.stream.__enter__()
        self.stream.begin_capture(self.mode)
        return self.stream.graph

    def __exit__(self, *error):
        self.stream.end_capture()
        self.stream.__exit__()


def train(stream, baked: bool, replay: bool, steps=5):
    """Gradient descent whose learning rate halves every step."""
    p, g, rate = cp.asarray(np.arange(10, dtype="float32")), cp.empty(10, "float32"), cp.empty(1, "float32")

    def step(lr):
        launch("gradient", p, g, np.int32(10))
        if baked:
            launch("update_baked", p, g, np.int32(10), np.float32(lr))
        else:
            launch("update", p, g, np.int32(10), rate)

    with capturing(stream) as graph:
        step(0.1)
    for i in range(steps):
        rate.fill(0.1 * 0.5**i)
        graph.launch(stream) if replay else step(0.1 * 0.5**i)
    return p.get()


def test_a_replay_is_the_eager_run_when_the_rate_is_read_from_memory(stream):
    np.testing.assert_array_equal(train(stream, False, True), train(stream, False, False))


def test_a_baked_learning_rate_stays_what_it_was(stream):
    assert not np.array_equal(train(stream, True, True), train(stream, True, False))


def test_a_capture_runs_nothing_and_counts_its_nodes(stream):
    p, g = cp.asarray(np.ones(4, "float32")), cp.zeros(4, "float32")
    with capturing(stream) as graph:
        launch("gradient", p, g, np.int32(4))
        launch("update_baked", p, g, np.int32(4), np.float32(1))
    assert g.get().tolist() == [0] * 4
    assert graph.debug_dot_str().count("[label=") == 2
    graph.upload(stream)
    graph.launch(stream)
    assert p.get().tolist() == [-0.5] * 4


@pytest.mark.parametrize("read", [float, int, bool, str, lambda x: x.item(), lambda x: x.get(), cp.asnumpy,
                                  lambda x: x.tolist(), lambda x: [1, 2][x.astype("int32")]])
def test_a_host_read_in_a_capture(stream, read):
    x = cp.zeros((), "float32")
    read(x)
    with capturing(stream), pytest.raises(CaptureError, match="not permitted while the stream is capturing"):
        read(x)


@pytest.mark.parametrize("compute", [
    lambda x: x + 1, lambda x: -x, lambda x: x.__iadd__(x), lambda x: np.exp(x), lambda x: x.sum(),
    lambda x: x.astype("float64"), lambda x: x.T.reshape(-1), lambda x: x.copy(), lambda x: x.fill(0),
    lambda x: x.__setitem__(0, 1), lambda x: cp.zeros(3), lambda x: cp.concatenate([x, x]),
    lambda x: x[x > 0], lambda x: cp.asarray(np.ones(3)), lambda x: cp.linalg.inv(x[:, :2]),
    lambda x: cp.ascontiguousarray(x.T)])
def test_arithmetic_in_a_capture(stream, compute):
    x = cp.asarray(np.arange(1, 7, dtype="float32").reshape(2, 3))
    compute(x)
    with capturing(stream), pytest.raises(CaptureError, match="not permitted while the stream is capturing"):
        compute(x)


def test_views_in_a_capture(stream):
    x = cp.zeros((2, 6), "float32")
    with capturing(stream):
        views = [x[1:], x.T, x.reshape(3, 4), x.ravel(), x[0, 0], cp.broadcast_to(x, (5, 2, 6)),
                 cp.moveaxis(x, 0, 1), x.view("int32"), cp.expand_dims(x, 0), x.astype("float32", copy=False),
                 *cp.split(x, 2)]
    assert all(cp.shares_memory(x, view) for view in views)


def test_the_pool_may_not_grow_in_a_capture(stream):
    pool = cp.cuda.MemoryPool()
    with cp.cuda.using_allocator(pool.malloc):
        with capturing(stream), pytest.raises(CaptureError, match="the memory pool would grow by 512 bytes"):
            cp.empty(3)
        del_me = cp.empty(3)
        del del_me
        before = pool.total_bytes()
        with capturing(stream):
            cp.empty(3)
        with capturing(stream, cp.cuda.runtime.streamCaptureModeRelaxed):
            cp.empty(10_000)
    assert pool.total_bytes() > before == 512


def test_memory_freed_in_a_capture_is_used_again_in_it(stream):
    pool = cp.cuda.MemoryPool()
    p = cp.asarray(np.ones(128, "float32"))
    with cp.cuda.using_allocator(pool.malloc):
        cp.empty(128, "float32")
        with capturing(stream) as graph:
            for _ in range(3):
                g = cp.empty(128, "float32")
                launch("gradient", p, g, np.int32(128))
                launch("update_baked", p, g, np.int32(128), np.float32(1))
                del g
    assert pool.total_bytes() == 512
    graph.launch()
    assert p.get().tolist() == [-1.625] * 128           # p -> p / 2 - 1, three times


@pytest.mark.parametrize("own_pool", [True, False])
def test_eager_code_gets_what_a_graph_gave_back_to_a_shared_pool(stream, own_pool):
    """A capture's temporaries in the common pool are handed out again; a replay overwrites them."""
    pool = cp.cuda.MemoryPool()
    gc.collect()
    p = cp.asarray(np.ones(3000, "float32"))
    with cp.cuda.using_allocator(pool.malloc if own_pool else None):
        cp.empty(3000, "float32")
        with capturing(stream) as graph:
            launch("gradient", p, cp.empty(3000, "float32"), np.int32(3000))
    mine = cp.zeros(3000, "float32")
    graph.launch()
    assert (mine.get() == 0).all() == own_pool


def test_fresh_memory_is_garbage():
    assert np.isnan(cp.empty(5, "float32").get()).all()
    assert (cp.empty(5, "int32").get() == -1).all()


def test_the_default_stream(stream):
    with pytest.raises(CaptureError, match="the default stream cannot capture"):
        cp.cuda.Stream.null.begin_capture()
    p = cp.zeros(4, "float32")
    complaint = pytest.raises(CaptureError, match="while another stream captures")
    with capturing(stream), cp.cuda.Stream.null, complaint:
        launch("gradient", p, p, np.int32(4))


def test_synchronizing_and_nesting_in_a_capture(stream):
    with capturing(stream) as graph:
        for forbidden in (stream.synchronize, cp.cuda.runtime.deviceSynchronize, stream.begin_capture,
                          graph.launch, cp.cuda.MemoryPool().free_all_blocks):
            with pytest.raises(CaptureError):
                forbidden()
    with pytest.raises(CaptureError, match="not capturing"):
        stream.end_capture()


def test_device_arrays_do_not_turn_into_numpy_arrays_unasked():
    x = cp.zeros(3, "float32")
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(x)
    with pytest.raises(TypeError, match="Unsupported type <class 'numpy.ndarray'>"):
        x + np.ones(3)
    with pytest.raises(TypeError, match="Unsupported type <class 'numpy.ndarray'>"):
        x[...] = np.ones(3)
    assert not isinstance(x, np.ndarray) and isinstance(x[0], cp.ndarray) and x[0].shape == ()


def test_events_tell_the_time_between_them(stream):
    start, end = cp.cuda.Event(), cp.cuda.Event()
    start.record(stream)
    with pytest.raises(CaptureError, match="an event was not recorded"):
        cp.cuda.get_elapsed_time(start, end)
    end.record(stream)
    assert cp.cuda.get_elapsed_time(start, end) > 0
