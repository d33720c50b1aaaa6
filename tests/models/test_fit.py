"""What fit accepts, what it refuses, and how it says so."""
import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers


def model(outputs=3, loss="sparse_categorical_crossentropy", **options):
    m = gpunn.Sequential([layers.Input((4,)), layers.Dense(outputs, activation="softmax")])
    m.compile("sgd", loss, **options)
    return m


def samples(n=20, classes=3):
    r = np.random.default_rng(0)
    return r.normal(size=(n, 4)).astype("float32"), r.integers(0, classes, n)


def refused(match, error=ValueError):
    return pytest.raises(error, match=match)


def test_history_and_floats():
    m = model(metrics=["accuracy"])
    history = m.fit(*samples(), epochs=2, validation_split=0.2, verbose=0)
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"] and history.epoch == [0, 1]
    assert all(type(v) is float for values in history.history.values() for v in values)
    loss, accuracy = m.evaluate(*samples(), verbose=0)
    assert type(loss) is float and 0 <= accuracy <= 1
    assert m.evaluate(*samples(), verbose=0, return_dict=True) == {"loss": loss, "accuracy": accuracy}
    assert m.metrics_names == ["loss", "accuracy"]
    assert {k: float(v) for k, v in m.get_metrics_result().items()} == {"loss": loss, "accuracy": accuracy}


def test_a_metric_may_have_a_number_for_each_class(capsys):
    m, (x, y) = model(3, "categorical_crossentropy", metrics=["f1_score"]), samples()
    y = np.eye(3)[y]
    kept = m.fit(x, y, epochs=2, validation_data=(x, y), verbose=2)
    assert m.history is kept
    assert [v.shape for v in kept.history["f1_score"] + kept.history["val_f1_score"]] == [(3,)] * 4
    mean = kept.history["val_f1_score"][-1].mean()
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"val_f1_score: {mean:.4f}")
    assert m.evaluate(x, y, verbose=0)[1].tolist() == kept.history["val_f1_score"][-1].tolist()


def test_acc_keeps_its_name():
    assert list(model(metrics=["acc"]).fit(*samples(), verbose=0).history) == ["loss", "acc"]


def test_metrics_by_name_are_not_counted():
    for _ in range(2):
        m = model(2, loss="categorical_crossentropy", metrics=["auc", "precision"])
    history = m.fit(samples()[0], np.eye(2)[samples(classes=2)[1]], verbose=0)
    assert list(history.history) == ["loss", "auc", "precision"]


def test_iterations_count_steps():
    m, (x, y) = model(), samples(1000)
    seen = []
    m.fit(x, y, batch_size=200, epochs=4, verbose=0,
          callbacks=[callbacks.LambdaCallback(
              on_epoch_end=lambda epoch, logs: seen.append(int(m.optimizer.iterations)))])
    assert seen == [5, 10, 15, 20]


def test_lists_and_tensors_are_taken():
    x, y = samples()
    a, b = model(), model()
    b.set_weights(a.get_weights())
    a.fit(x.tolist(), y.tolist(), shuffle=False, verbose=0)
    b.fit(gpunn.ops.convert_to_tensor(x), gpunn.ops.convert_to_tensor(y), shuffle=False, verbose=0)
    np.testing.assert_array_equal(a.get_weights()[0], b.get_weights()[0])


def batches(x, y, size=5, times=1):
    for _ in range(times):
        for i in range(0, len(x), size):
            yield x[i:i + size], y[i:i + size]


class Numbered(gpunn.utils.PyDataset):
    def __init__(self, x, y, **options):
        super().__init__(**options)
        self.x, self.y, self.ended = x, y, 0

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.x[i * 5:i * 5 + 5], self.y[i * 5:i * 5 + 5]

    def on_epoch_end(self):
        self.ended += 1


@pytest.mark.parametrize("make", [
    lambda x, y: (batches(x, y, times=3), {"steps_per_epoch": 4}),
    lambda x, y: (Numbered(x, y), {"shuffle": False}),
    lambda x, y: (Numbered(x, y, workers=3), {"shuffle": False}),
], ids=["generator", "dataset", "dataset_with_workers"])
def test_streams_train_like_arrays(make):
    x, y = samples()
    a, b = model(), model()
    b.set_weights(a.get_weights())
    a.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    stream, options = make(x, y)
    b.fit(stream, epochs=3, verbose=0, **options)
    np.testing.assert_array_equal(a.get_weights()[0], b.get_weights()[0])


def test_dataset_is_told_of_epochs():
    data = Numbered(*samples())
    model().fit(data, epochs=3, verbose=0)
    assert data.ended == 3


def test_generator_that_ends_early_warns():
    with pytest.warns(UserWarning, match="ended after 4 of 9 steps"):
        model().fit(batches(*samples()), steps_per_epoch=9, epochs=2, verbose=0)


def test_train_on_batch_replays_and_learns():
    m, (x, y) = model(metrics=["accuracy"]), samples()
    first = m.train_on_batch(x, y)
    for _ in range(30):
        last = m.train_on_batch(x, y, return_dict=True)
    assert last["loss"] < first[0] and int(m.optimizer.iterations) == 31
    assert m.test_on_batch(x, y)[0] < first[0]
    np.testing.assert_allclose(m.predict_on_batch(x), m.predict(x, verbose=0), rtol=1e-6)


def test_weights_file(tmp_path):
    a, b, x = model(), model(), samples()[0]
    a.save_weights(tmp_path / "w.safetensors")
    b.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(a.predict(x, verbose=0), b.predict(x, verbose=0))
    with refused("does not fit: .*kernel.* is float32 of shape \\(4, 5\\), the file has float32 of shape \\(4, 3\\)"):
        model(5).load_weights(tmp_path / "w.safetensors")
    with refused("exists; pass overwrite=True", FileExistsError):
        a.save_weights(tmp_path / "w.safetensors", overwrite=False)


def test_early_stopping_restores_the_best_weights():
    m, (x, y) = model(), samples()
    values, weights = iter([3.0, 1.0, 2.0, 2.5, 9.0]), []

    def end(epoch, logs):
        logs["score"] = next(values)
        weights.append(m.get_weights()[0])
    stop = callbacks.EarlyStopping("score", patience=2, mode="min", restore_best_weights=True)
    history = m.fit(x, y, epochs=9, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=end), _Unchecked(stop)])
    assert len(history.epoch) == 4
    np.testing.assert_array_equal(m.get_weights()[0], weights[1])


class _Unchecked(callbacks.Callback):
    """Hands its hooks on to another callback, and hides what it monitors: a metric that another callback makes."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def set_model(self, model):
        self.inner.set_model(model)

    def on_train_begin(self, logs=None):
        self.inner.on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        self.inner.on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        self.inner.on_train_end(logs)


REFUSALS = {
    "batch_size": (lambda x, y: model().fit(x, y, batch_size=0), "batch_size must be an integer >= 1, got 0"),
    "not compiled": (lambda x, y: gpunn.Sequential([layers.Dense(2)]).fit(x, y),
                     "call compile\\(optimizer=..., loss=...\\) before fit"),
    "lengths": (lambda x, y: model().fit(x, y[:5]),
                "same number of samples; got arrays of shapes \\[\\(20, 4\\), \\(5,\\)\\]"),
    "features": (lambda x, y: model().fit(x[:, :3], y),
                 "expected shape \\(None, 4\\), got \\(\\d+, 3\\).*Fix: reshape"),
    "label too large": (lambda x, y: model().fit(x, y + 4),
                        "'dense.*has 3 values, so labels must be 0 to 2, but sample 0 has the label"),
    "integers for one-hot": (lambda x, y: model(loss="categorical_crossentropy").fit(x, y),
                             "Fix: loss='sparse_categorical_crossentropy', or y = to_categorical\\(y, 3\\)"),
    "one-hot for integers": (lambda x, y: model().fit(x, np.eye(3)[y]),
                             "looks one-hot. Fix: loss='categorical_crossentropy'"),
    "strings": (lambda x, y: model().fit(x, np.array(["cat"] * 20)),
                "expected numbers, got .* such as .*'cat'.*Fix: encode"),
    "ragged": (lambda x, y: model().fit([[1, 2], [3]], [0, 1]), "do not all have the same shape"),
    "monitor": (lambda x, y: model().fit(x, y, validation_split=0.5, callbacks=[callbacks.EarlyStopping("val_los")]),
                "monitors 'val_los', which is not among the metrics; did you mean 'val_loss'"),
    "no validation": (lambda x, y: model().fit(x, y, callbacks=[callbacks.EarlyStopping()]),
                      "there is no validation data. Fix: pass"),
    "split": (lambda x, y: model().fit(x, y, validation_split=1.5),
              "validation_split must be between 0 and 1, got 1.5"),
    "metrics as weights": (lambda x, y: model().compile("sgd", "mse", ["mae"]), r"Fix: metrics=\['mae'\]"),
    "metric name": (lambda x, y: model(metrics=["acuracy"]), "unknown metric 'acuracy'; did you mean 'accuracy'"),
    "loss name": (lambda x, y: model(loss="sparse_categorical_crossentrop"),
                  "did you mean 'sparse_categorical_crossentropy'"),
    "optimizer name": (lambda x, y: gpunn.Sequential([]).compile("adm"),
                       "unknown optimizer 'adm'; did you mean 'adam'"),
    "y with a generator": (lambda x, y: model().fit(batches(x, y), y), "brings its own targets"),
    "callback": (lambda x, y: model().fit(x, y, callbacks=[3]), "expected Callback objects, got int 3"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name):
    act, message = REFUSALS[name]
    with refused(message):
        act(*samples())


@pytest.mark.parametrize("call, message", [
    (lambda m: m.compile("sgd", "mse", metric=["mae"]), "compile: unknown argument 'metric'; did you mean 'metrics'"),
    (lambda m: gpunn.optimizers.SGD(lr=0.1), "SGD: unknown argument 'lr'"),
    (lambda m: gpunn.optimizers.Adam(learning_rte=0.1), "did you mean 'learning_rate'"),
])
def test_unknown_keywords(call, message):
    with refused(message, TypeError):
        call(model())


def test_whole_numbers_up_to_255_get_a_hint():
    m = gpunn.Sequential([layers.Input((2, 2)), layers.Flatten(), layers.Dense(2)])
    m.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"Fix: x = x.astype\('float32'\) / 255"):
        m.fit(np.full((4, 2, 2), 200, "uint8"), np.zeros((4, 2)), verbose=0)
