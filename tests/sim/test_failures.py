"""What goes wrong in a step on the GPU: the model can be used afterwards, nothing is lost, and the user hears why."""
import gc

import numpy as np
import pytest

import gpunn
from gpunn import backend, callbacks, layers, losses
from gpunn.data.stream import BatchFeed
from tests import sim
from tests.sim import memory
from tests.sim.capture import all_released

X = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
Y = (X[:, :2].sum(1) > 0).astype("int32")


@pytest.fixture(autouse=True)
def on_sim(monkeypatch):
    sim.install()
    monkeypatch.setattr(backend, "_current", None)
    with all_released():
        backend.use("sim")
        yield


def network(loss=None, **options):
    gpunn.set_seed(5)
    model = gpunn.Sequential([layers.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(2)])
    model.compile("adam", loss or losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
                  **options)
    return model


def fit(model, **options):
    return model.fit(X, Y, **{"batch_size": 4, "epochs": 2, "verbose": 0} | options).history


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def finite(model):
    return all(np.isfinite(w).all() for w in model.get_weights())


class Faulty(losses.SparseCategoricalCrossentropy):
    """Raises at its n-th call."""

    def __init__(self, error, at):
        super().__init__(from_logits=True)
        self.error, self.at, self.called = error, at, 0

    def call(self, y_true, y_pred):
        self.called += 1
        if self.called == self.at:
            raise self.error
        return super().call(y_true, y_pred)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=type)
@pytest.mark.parametrize("at", [1, 2, 3], ids=["first", "warm", "captured"])
def test_an_exception_inside_a_step(error, at):
    """The third step is a capture; the steps before count, that one does not."""
    model = network(Faulty(error, at))
    with pytest.raises(type(error)):
        fit(model, shuffle=False)
    assert finite(model) and int(model.optimizer.iterations) == at - 1
    if at > 1:
        undisturbed = network()
        fit(undisturbed, shuffle=False, epochs=1, steps_per_epoch=at - 1)
        same(model, undisturbed)
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    assert fit(model)["loss"][-1] < 2 and finite(model)


def test_another_exception_in_a_capture_is_the_users(capfd):
    with pytest.raises(ValueError, match="no"):
        fit(network(Faulty(ValueError("no"), 3)))
    assert "eagerly" not in capfd.readouterr().err


class ReadsValues(gpunn.Model):
    def train_step(self, data):
        logs = super().train_step(data)
        float(logs["loss"])
        return logs


def test_a_step_that_cannot_be_captured_says_why_and_is_the_same(capfd):
    def trained(kind):
        gpunn.set_seed(5)
        x = gpunn.Input((6,))
        model = kind(x, layers.Dense(2)(layers.Dense(8, "relu")(x)))
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
        fit(model)
        return model
    one, other = trained(ReadsValues), trained(gpunn.Model)
    same(one, other)
    said = capfd.readouterr().err
    assert said.count("runs eagerly, step by step: ") == 1 and "reads a value on the host" in said


class LateKernel(losses.SparseCategoricalCrossentropy):
    """A kernel that no step before the capture has used, and memory that none has asked for."""
    called = 0

    def call(self, y_true, y_pred):
        self.called += 1
        values = super().call(y_true, y_pred)
        return values if self.called < 3 else values + 0.0 * gpunn.ops.sum(gpunn.ops.arctan2(
            gpunn.ops.ones((300, 7)), 1.0))


def test_a_kernel_that_is_first_used_in_a_capture_is_there_at_the_next(capfd, captures):
    model = network(LateKernel(from_logits=True))
    fit(model)
    assert captures == [False, True] and "eagerly" not in capfd.readouterr().err
    undisturbed = network()
    fit(undisturbed)
    same(model, undisturbed)


@pytest.fixture
def captures(monkeypatch):
    """For each capture, whether it went well."""
    from gpunn.backend.cuda import Graph
    record, went = Graph.record, []

    def watched(self, step):
        result = record(self, step)
        went.append(result[1] is not None)
        return result
    monkeypatch.setattr(Graph, "record", watched)
    return went


def three_steps(model=None):
    """Of a small model: two eager ones, and one captured."""
    if model is None:
        model = gpunn.Sequential([layers.Input((6,)), layers.Dense(2)])
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(X[:6], Y[:6], batch_size=2, verbose=0, shuffle=False)
    return model


def test_memory_that_ends_at_any_allocation(monkeypatch):
    gpunn.set_seed(1)
    three_steps()
    monkeypatch.setattr(memory.device, "left", 1 << 30)
    three_steps()
    count, went = (1 << 30) - memory.device.left, 0
    monkeypatch.setattr(memory.device, "left", None)
    gc.collect()
    held = memory.device.used
    for n in range(count):
        model = gpunn.Sequential([layers.Input((6,)), layers.Dense(2)])
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
        memory.device.left = n
        try:
            three_steps(model)
            went += 1
        except MemoryError as error:
            assert "needs about" in str(error) or "Out of memory" in str(error)     # where there is no model yet
        memory.device.left = None
        assert finite(model)
        model.fit(X[:1], Y[:1], batch_size=1, verbose=0)
        assert finite(model)
    del model
    gc.collect()
    assert memory.device.used <= held + (16 << 10) and went < count // 3


def test_what_a_lack_of_memory_says(monkeypatch):
    model = network()
    monkeypatch.setattr(memory.device, "total", memory.device.used + (80 << 10))
    with pytest.raises(MemoryError, match=r"(?s)sequential.*out of memory. A step with batch_size=4096 needs about .*"
                                          r"for weights, gradients and optimizer; the largest layers: dense.* are "
                                          r"free. Fix: batch_size=\d+, or a smaller model"):
        model.fit(np.zeros((4096, 6), "float32"), np.zeros(4096, "int32"), batch_size=4096, verbose=0)
    monkeypatch.setattr(memory.device, "total", 1 << 33)
    fit(model)
    assert finite(model)


def test_the_batch_size_that_fits(monkeypatch):
    assert fit_batches(network()) == 1                              # all 24 samples: 16, the power of two below
    backend.use("cpu")
    assert fit_batches(network()) == 1


def fit_batches(model):
    seen = []
    fit(model, batch_size="auto", epochs=1, callbacks=[callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch))])
    return len(seen) - (backend.device() == "sim")


def test_a_released_model_leaves_nothing_behind():
    def live():
        gc.collect()
        return memory.device.used
    fit(network())
    before = live()
    for _ in range(3):
        model = network()
        fit(model)
        model.train_on_batch(X, Y)
        del model
    assert live() <= before + (16 << 10)


# ---- batches that come from the host --------------------------------------------------------------------------------

def test_a_data_set_that_does_not_fit_trains_the_same(monkeypatch, captures, capfd):
    resident = network()
    history = fit(resident, epochs=3)
    gc.collect()
    put, sent = BatchFeed.put, []
    monkeypatch.setattr(BatchFeed, "put", lambda self, data: sent.append(data) or put(self, data))
    monkeypatch.setattr("gpunn.backend.cuda.DATA_SHARE", X.nbytes / (1 << 40))
    travelling = network()
    captures.clear()
    assert fit(travelling, epochs=3) == history and len(sent) == 18
    same(resident, travelling)
    assert captures == [True, True] and "eagerly" not in capfd.readouterr().err        # one for each pair of buffers


def test_batches_of_a_generator_train_the_same(captures):
    def batches():
        while True:
            for i in range(0, 24, 4):
                yield X[i:i + 4], Y[i:i + 4]
    one = network()
    history = fit(one, shuffle=False, epochs=3)
    captures.clear()
    other = network()
    assert other.fit(batches(), steps_per_epoch=6, epochs=3, verbose=0).history == history
    same(one, other)
    assert captures == [True, True]


# ---- several steps in one launch ------------------------------------------------------------------------------------

@pytest.mark.parametrize("device", ["sim", "cpu"])
@pytest.mark.parametrize("k", [2, 4, 5, "auto"])
def test_several_steps_in_one_execution(device, k):
    backend.use(device)
    one, seen = network(), []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, logs["loss"])))
    wanted = fit(one, batch_size=2, epochs=4, validation_data=(X, Y))
    other = network(steps_per_execution=k)
    assert fit(other, batch_size=2, epochs=4, validation_data=(X, Y), callbacks=[watch]) == wanted
    same(one, other)
    k = {"cpu": 1, "sim": 16}[device] if k == "auto" else k
    ends = [min(end, 12) - 1 for end in range(k, 12 + k, k)]
    assert [batch for batch, _ in seen] == ends * 4
    assert int(other.optimizer.iterations) == 48


def test_all_steps_of_an_execution_are_one_graph(monkeypatch):
    from gpunn.backend.cuda import Graph
    launch, launches = Graph.launch, []
    monkeypatch.setattr(Graph, "launch", lambda self: (launches.append(len(self.graph.names)), launch(self)))
    fit(network(steps_per_execution=3), epochs=5)
    several = max(launches)
    assert len(launches) == 5 * 2 - 2
    launches.clear()
    fit(network(), epochs=5)
    assert several == 3 * max(launches) and len(launches) == 5 * 6 - 2


def test_a_schedule_sets_the_rate_of_each_step_of_an_execution():
    def trained(k):
        model = network(steps_per_execution=k)
        model.compile(gpunn.optimizers.SGD(gpunn.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9),
                      losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=k)
        fit(model)
        return model
    same(trained(1), trained(4))
