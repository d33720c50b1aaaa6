"""Metrics against values recorded from Keras 3, their state, and what they refuse."""
from pathlib import Path

import numpy as np
import pytest

from gpunn import backend, metrics, ops
from gpunn.backend import persistent
from gpunn.backend.program import Program
from gpunn.tensor import Tensor

from .golden import loss_cases as cases

HERE = Path(__file__).parent / "golden"
GOLDEN, LOSSES = np.load(HERE / "metrics.npz"), np.load(HERE / "losses.npz")
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(cases.METRICS)]


@pytest.mark.parametrize("weights", ["plain", "weighted"])
@pytest.mark.parametrize("i", range(len(cases.METRICS)), ids=IDS)
def test_like_keras(i, weights):
    name, options, y, p = cases.METRICS[i]
    metric = getattr(metrics, name)(**options)
    for half in (slice(0, 4), slice(4, 6)):
        metric.update_state(y[half], p[half], cases.WEIGHTS[half] if weights == "weighted" else None)
    np.testing.assert_allclose(metric.result().numpy(), GOLDEN[f"{i}/{weights}"], 3e-5, 1e-6)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_reductions_like_keras(name):
    for kind, weights in (("plain", None), ("weighted", cases.WEIGHTS)):
        got = getattr(metrics, name)()(cases.SCORES, weights)
        np.testing.assert_allclose(got.numpy(), GOLDEN[f"{name}/{kind}"], 1e-5)


def test_masked_like_keras():
    p = Tensor(cases.DEEP)
    p.mask = Tensor(cases.MASK)
    got = metrics.SparseCategoricalAccuracy()(cases.DEEP_LABELS, p)
    np.testing.assert_allclose(got.numpy(), LOSSES["masked/metric"], 1e-5)


@pytest.mark.parametrize("i", range(len(cases.METRICS)), ids=IDS)
def test_reset_forgets_everything(i):
    name, options, y, p = cases.METRICS[i]
    metric, fresh = getattr(metrics, name)(**options), getattr(metrics, name)(**options)
    metric.update_state(y, p)
    metric.reset_state()
    np.testing.assert_array_equal(metric(y, p).numpy(), fresh(y, p).numpy())


@pytest.mark.parametrize("i", range(len(cases.METRICS)), ids=IDS)
def test_config_round_trip(i):
    name, options, *_ = cases.METRICS[i]
    metric = getattr(metrics, name)(**options, name="mine")
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


RECORDED = [i for i, (name, options, *_) in enumerate(cases.METRICS) if "top_k" not in options]


@pytest.mark.parametrize("i", RECORDED, ids=lambda i: IDS[i])
def test_replay_counts_like_eager_steps(i):
    """A recorded update must do again what it did, on new data in the same place."""
    name, options, y, p = cases.METRICS[i]
    r = np.random.default_rng(i)
    before = backend.device()
    backend.use("cpu")
    metric, eager = getattr(metrics, name)(**options), getattr(metrics, name)(**options)
    where = [persistent(a.copy()) for a in (y, p)]
    program = Program(backend.current(), lambda: metric.update_state(*map(Tensor, where)), what=name)
    for _ in range(6):
        order = r.permutation(len(y))
        where[0][...], where[1][...] = y[order], p[r.permutation(len(y))]
        program()
        eager.update_state(*(a.copy() for a in where))
    backend.use(before)
    assert program.replay is not None, f"{name} was not recorded"
    np.testing.assert_array_equal(metric.result().numpy(), eager.result().numpy())


def test_accuracy_by_shapes():
    assert type(metrics.as_metric("accuracy", ((8,), (8, 1)))) is metrics.BinaryAccuracy
    assert type(metrics.as_metric("accuracy", ((8, 1), (8, 10)))) is metrics.SparseCategoricalAccuracy
    assert type(metrics.as_metric("accuracy", ((8,), (8, 10)))) is metrics.SparseCategoricalAccuracy
    assert type(metrics.as_metric("accuracy", ((8, 10), (8, 10)))) is metrics.CategoricalAccuracy
    assert metrics.as_metric("acc", ((8,), (8, 10))).name == "acc"


def test_names():
    assert (
        type(metrics.as_metric("mse")) is metrics.MeanSquaredError and metrics.as_metric("mse").name == "mse"
    )
    assert type(metrics.get("auc")) is metrics.AUC and type(metrics.get("mse")) is metrics.MeanSquaredError
    assert type(metrics.get("true_positives")) is metrics.TruePositives
    assert type(metrics.get("log_cosh_error")) is metrics.LogCoshError
    assert metrics.BinaryAccuracy(threshold=0)([[1.0], [0.0]], [[0.2], [0.3]]).item() == 0.5        # of logits
    assert (
        metrics.as_metric(lambda y, p: ops.mean(y - p, -1))(np.ones((2, 2)), np.zeros((2, 2))).item() == 1.0
    )
    with pytest.raises(ValueError, match="unknown metric 'precison'; did you mean '[Pp]recision'"):
        metrics.get("precison")


def test_own_metric():
    class Positives(metrics.Metric):
        def __init__(self, name="positives"):
            super().__init__(name=name)
            self.count, self.inner = self.add_weight(name="count"), metrics.Mean()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(ops.sum(ops.cast(y_true, "float32")))
            self.inner.update_state(y_pred)

        def result(self):
            return self.count + self.inner.result()
    metric = Positives()
    assert metric(np.ones(3), np.full(4, 2.0)).item() == 5.0 and len(metric.variables) == 3
    metric.reset_state()
    assert metric.result().item() == 0.0


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: metrics.Precision(thresholds=[0.5, 2]),
            r"Precision: thresholds must lie in \[0, 1\], got \[2\]"
        ),
        (lambda: metrics.AUC(curve="RAC"), "AUC: curve must be 'ROC' or 'PR', got 'RAC'"),
        (lambda: metrics.AUC(summation_method="mid"), "AUC: summation_method must be"),
        (lambda: metrics.AUC(num_thresholds=1), "AUC: num_thresholds must be larger than 1 and .*, got 1"),
        (lambda: metrics.AUC(num_labels=3), "AUC: num_labels needs multi_label=True"),
        (
            lambda: metrics.FBetaScore(average="all"),
            "FBetaScore: average must be None, 'micro', 'macro' or 'weighted', got 'all'"
        ),
        (lambda: metrics.FBetaScore(beta=-1.0), "FBetaScore: beta must be a float > 0, got -1.0"),
        (lambda: metrics.F1Score(threshold=3.0), r"F1Score: threshold must be a float in \(0, 1\], got 3.0"),
        (
            lambda: metrics.F1Score()(np.zeros(3), np.zeros(3)),
            r"F1Score: expected labels and predictions of shape \(n, classes\)"
        ),
        (lambda: metrics.R2Score("mean"), "R2Score: class_aggregation must be"),
        (lambda: metrics.R2Score(num_regressors=-1), "R2Score: num_regressors must be 0 or more, got -1"),
        (
            lambda: metrics.R2Score()(np.zeros((3, 2, 2)), np.zeros((3, 2, 2))),
            "R2Score: expected predictions of shape"
        ),
        (
            lambda: metrics.Precision(class_id=1)(np.zeros(3), np.zeros(3)),
            "class_id=1: predictions must have shape"
        ),
        (lambda: metrics.IoU(2, [2]), r"IoU: target_class_ids must be from 0 to 1, got \[2\]"),
        (lambda: metrics.PrecisionAtRecall(1.5), r"PrecisionAtRecall: recall must be in \[0, 1\], got 1.5"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_base_class_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Metric must implement update_state"):
        metrics.Metric().update_state(1, 2)
    with pytest.raises(NotImplementedError, match="Metric must implement result"):
        metrics.Metric().result()


def test_an_ignored_class_does_not_count():
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=1)
    value = metric(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]], "float32"), sample_weight=[1.0, 3.0])
    np.testing.assert_allclose(float(value), -np.log(0.8), rtol=1e-6)
    assert metric.get_config()["ignore_class"] == 1


def test_overlap_of_images_with_a_weight_for_each_and_labels_outside():
    labels, found = np.array([[[0, 1], [1, 7]], [[1, 1], [0, 0]]]), np.array([[[0, 1], [0, 1]], [[0, 1], [-1, 0]]])
    expected = np.mean([(1 + 3) / (1 + 3 + 1 + 3), (1 + 3) / (1 + 1 + 3 + 3)])
    got = metrics.MeanIoU(2, dtype="int")(labels, found, sample_weight=[1, 3])
    np.testing.assert_allclose(float(got), expected, rtol=1e-6)


def test_a_prediction_of_zero_is_positive_at_the_threshold_zero():
    assert float(metrics.RecallAtPrecision(0.5)(np.ones(2), np.zeros(2))) == 1.0


def test_stateless_updates_leave_the_metric_alone():
    metric = metrics.Mean()
    state = metric.stateless_update_state(metric.variables, np.array([1.0, 3.0]))
    state = metric.stateless_update_state(state, np.array([8.0]))
    assert float(metric.stateless_result(state)) == 4 and float(metric.result()) == 0
    assert [float(v) for v in metric.stateless_reset_state()] == [0, 0]


def test_overlaps_weigh_by_whole_numbers_unless_told_otherwise():
    labels, found, weights = [0, 0, 1, 1], [0, 1, 0, 1], np.array([0.3, 0.3, 0.3, 1.1])
    assert metrics.MeanIoU(2).get_config()["dtype"] == "int32"
    assert float(metrics.MeanIoU(2)(labels, found, weights)) == pytest.approx(1, abs=1e-5)
    exact = metrics.MeanIoU(2, dtype="float32")(labels, found, weights)
    assert float(exact) == pytest.approx((1 / 3 + 1.1 / 1.7) / 2, abs=1e-5)


def test_names_that_configs_and_states_have():
    assert "thresholds" not in metrics.AUC().get_config()
    assert metrics.AUC(thresholds=[0.5]).get_config()["thresholds"] == [0.5]
    assert metrics.TruePositives().variables[0].name == "accumulator"
    assert isinstance(metrics.get("mean"), metrics.Mean) and isinstance(metrics.get("sum"), metrics.Sum)
