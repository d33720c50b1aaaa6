"""Mistakes of a first week: each is one clear error before the training begins, and the model is as it was."""
import warnings

import numpy as np
import pytest

import gpunn
from gpunn import layers, losses, ops, optimizers, utils

R = np.random.default_rng(0)
X, Y, ONE = R.normal(size=(64, 4)).astype("f4"), R.integers(0, 3, 64), R.integers(0, 2, 64)
IMAGES = R.normal(size=(8, 8, 8, 1)).astype("f4")


def net(last="softmax", loss="sparse_categorical_crossentropy", units=3, *first, **options):
    model = gpunn.Sequential([layers.Input((4,)), *first, layers.Dense(units, last)])
    model.compile("adam", loss, **options)
    return model


def fit(x=X, y=Y, model=None, **options):
    return (model or net()).fit(x, y, **{"verbose": 0, **options})


def wrong(at, value=np.nan, of=X):
    a = of.astype("f4")
    a[at] = value
    return a


def embedded(words, *first):
    model = gpunn.Sequential([*first, layers.Embedding(words, 2), layers.Flatten(), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def places():
    model = gpunn.Sequential([layers.Input((8, 8, 1)), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Returnless(layers.Layer):
    def call(self, inputs):
        inputs * 2


class NoBase(layers.Layer):
    def __init__(self):
        self.units = 3


class NoBaseModel(gpunn.Model):
    def __init__(self):
        self.dense = layers.Dense(3)


class Nothing(utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        pass


BCE = ("sigmoid", "binary_crossentropy", 1)
WORDS = R.integers(0, 9, (64, 4))
MISTAKES = {
    "NaN in x": (lambda: fit(wrong((17, 2))), r"x holds nan in 1 of 64 samples, first in sample 17, column 2. Fix"),
    "infinity": (lambda: fit(wrong((5, 0), np.inf)), "x holds inf in 1 of 64 samples, first in sample 5, column 0"),
    "many NaN": (lambda: fit(wrong(slice(3, 9))), "x holds nan in 6 of 64 samples, first in sample 3"),
    "too large": (lambda: fit(X.astype("f8") * 1e300), "x holds .*inf in 64 of 64"),
    "NaN held out": (lambda: fit(validation_data=(wrong((9, 1)), Y)), "validation_data: x holds nan .* sample 9, col"),
    "NaN in a stream": (lambda: fit(iter([(wrong((3, 1)), Y)]), None), "x holds nan in 1 of 64 samples, first in sam"),
    "NaN in y": (lambda: fit(y=wrong(5, of=X[:, :1]), model=net(None, "mse", 1)), "y holds nan .* sample 5, column 0"),
    "NaN as weight": (lambda: fit(sample_weight=wrong(7, of=X[:, 0])), "sample_weight holds nan .* sample 7. Fix"),
    "a weight a class": (lambda: fit(sample_weight=np.ones((64, 3))), r"sample_weight has shape \(64, 3\). Fix: one"),
    "no y": (lambda: fit(y=None), "argument 'y' is missing: the loss compares"),
    "no y held out": (lambda: fit(validation_data=X), "validation_data: argument 'y' is missing"),
    "width held out": (lambda: fit(validation_data=(X[:, :2], Y)), r"validation_data: .* \(None, 4\), got \(32, 2\)"),
    "classes for mse": (lambda: fit(model=net(loss="mse")), r"has shape \(None, 3\), but y has shape \(64,\). Fix"),
    "classes for bce": (lambda: fit(model=net("sigmoid", "bce", 3), y=ONE), r"\(None, 3\), but y has shape \(64,\)"),
    "0, 1, 2 for bce": (lambda: fit(model=net(*BCE)), "binary_crossentropy wants labels from 0 to 1, y has 0 to 2"),
    "-1, 1 for bce": (lambda: fit(y=ONE * 2 - 1, model=net(*BCE)), "wants labels from 0 to 1, y has -1 to 1. Fix"),
    "no Flatten": (lambda: fit(IMAGES, Y[:8], places()), r"\(None, 8, 8, 3\), an answer for each place.* Fix: Flatten"),
    "a word too many": (lambda: fit(WORDS, Y, embedded(8, layers.Input((4,)))),
                        r"x holds the numbers 0 to 8, but Embedding '.*' has input_dim=8: 0 to 7. Fix: Embedding\(9, "),
    "a word too many, no Input": (lambda: fit(WORDS, Y, embedded(8)), "has input_dim=8: 0 to 7"),
    "a word of -1": (lambda: fit(WORDS - 1, Y, embedded(9)), "x holds the numbers -1 to 7.* Fix: numbers >= 0"),
    "a generator and a split": (lambda: fit(iter([(X, Y)]), None, validation_split=0.2), "split needs arrays"),
    "a split of text": (lambda: fit(validation_split="0.2"), "validation_split must be between 0 and 1, got '0.2'"),
    "a function": (lambda: fit(fit, None), "x: expected an array, got the function .* Fix: call it"),
    "objects": (lambda: fit(X.astype(object)), r"x: expected numbers, got object .* astype\('float32'\) for numbers"),
    "no layers": (lambda: (m := gpunn.Sequential()).compile("sgd", "mse") or fit(model=m), "has no layers yet. Fix"),
    "not a list": (lambda: gpunn.Sequential(layers.Dense(2)), r"expected a list of layers, got one. Fix: Sequential"),
    "a loss of 3": (lambda: net(loss=3), "loss must be a name, a function or a Loss, got 3"),
    "a rate of text": (lambda: optimizers.Adam("fast"), "learning_rate must be a number or a schedule, got 'fast'"),
    "a rate of NaN": (lambda: optimizers.SGD(float("nan")), "learning_rate must be a number or a schedule, got nan"),
    "weights of 3": (lambda: net().set_weights(3), r"set_weights expected 2 arrays \(.*\), got 3"),
    "numbers to pad": (lambda: utils.pad_sequences([1, 2, 3]), r"expected a list of lists, got \[1, 2, 3\]. Fix"),
    "symbols": (lambda: layers.Input((4,)) + layers.Input((3,)), r"add of \(None, 4\), \(None, 3\): shape mismatch"),
    "one of two": (lambda: layers.MultiHeadAttention(2, 3)(X[None]), "argument 'value' is missing"),
    "no return": (lambda: Returnless()(X), "Returnless '.*': call returned None. Fix: `return`"),
    "no return, built": (lambda: net("relu", "mse", 3, Returnless()), "call returned None"),
    "a layer of a layer": (lambda: layers.Dense(3)(layers.Dense(4, name="d")), "expected a tensor, got the layer 'd'"),
    "a model of a list": (lambda: net()(X.tolist()), r"is one array, got a list of 64. Fix: np.array"),
    "a metric of 3": (lambda: net().compile("sgd", "mse", metrics=[3]), "a metric must be a name, .* got 3"),
    "a metric of another form": (lambda: fit(model=net(metrics=["AUC"])), r"metric 'AUC' of labels \(32,\) and"),
    "a loss without return": (lambda: fit(y=X, model=net(None, lambda y, p: None, 4)), "a tensor, got None. Fix"),
    "a loss of NumPy": (lambda: fit(y=X, model=net(None, lambda y, p: np.mean(p.numpy()), 4)), "Fix: .* gpunn.ops for"),
    "no batch": (lambda: fit(Nothing(), None), "a batch must be x, .* got None"),
    "validation but once": (lambda: fit(validation_data=iter([(X, Y)]), epochs=2), "validation of .* is empty"),
    "no super": (lambda: NoBase()(X), r"NoBase.__init__ must begin with super\(\).__init__\(\)"),
    "no super of a model": (lambda: NoBaseModel().compile(), r"NoBaseModel.__init__ must begin with super\(\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_one_clear_error(name):
    act, words = MISTAKES[name]
    with pytest.raises((ValueError, TypeError, AttributeError), match=words), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        act()


@pytest.mark.parametrize("last, units, loss, words", [
    ("sigmoid", 3, "sparse_categorical_crossentropy", "3 units has the activation sigmoid. Fix: activation='softmax'"),
    ("relu", 3, "sparse_categorical_crossentropy", "has the activation relu. Fix: activation='softmax'"),
    ("softmax", 1, "binary_crossentropy", "of 1 units has the activation softmax. Fix: activation='sigmoid'"),
    ("tanh", 1, "binary_crossentropy", "has the activation tanh. Fix: activation='sigmoid'"),
    ("softmax", 3, "sparse_categorical_crossentropy", None), ("sigmoid", 1, "binary_crossentropy", None)])
def test_activations_that_do_not_go_with_the_loss(last, units, loss, words, recwarn):
    fit(y=Y if units == 3 else ONE, model=net(last, loss, units))
    messages = [str(w.message) for w in recwarn]
    assert words in messages[0] if words else not messages


def test_models_that_expect_nan_are_not_stopped():
    clean = net("relu", "mse", 1, layers.Lambda(ops.nan_to_num))
    assert np.isfinite(fit(wrong((17, 2)), X[:, :1], clean).history["loss"][0])

    def masked(y, p):
        return ops.mean(ops.square(ops.where(ops.isnan(y), 0.0, ops.nan_to_num(y) - p)), -1)
    assert np.isfinite(fit(X, wrong(5, of=X[:, :1]), net(None, masked, 1)).history["loss"][0])
    assert np.isfinite(fit(X * 1e37, X[:, :1], net("tanh", losses.MeanSquaredError(), 1)).history["loss"][0])


def test_weights_of_steps_and_labels_of_places():
    one = gpunn.Sequential([layers.Input((5, 4)), layers.Dense(1)])
    one.compile("sgd", "mse")
    fit(R.normal(size=(8, 5, 4)), R.normal(size=(8, 5)), one)
    x = layers.Input((5, 4))
    model = gpunn.Model(x, layers.Dense(3, "softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    series = R.normal(size=(8, 5, 4))
    steps = R.integers(0, 3, (8, 5))
    for weight in (np.ones(8), np.ones((8, 5))):
        fit(series, steps, model, sample_weight=weight)
    weight = R.random(8)
    one, every = (model.evaluate(series, steps, sample_weight=w, verbose=0)
                  for w in (weight, np.repeat(weight[:, None], 5, 1)))
    assert one == pytest.approx(every, rel=1e-6)


def test_a_generator_that_ends_ends_the_training():
    with pytest.warns(UserWarning, match="the generator ended with epoch 1 of 3. Fix: one that never ends"):
        assert len(fit(iter([(X, Y)] * 3), None, epochs=3).history["loss"]) == 1
