"""Models as scikit-learn's estimators. scikit-learn is not needed here: it asks for attributes and methods."""
import inspect

import numpy as np

from ._names import one_of, require
from .models import Model, clone_model


class _Wrapper:
    """`model`: a compiled model, copied for each fit unless `warm_start`, or a function (X, y, **model_kwargs)."""

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        self.model, self.warm_start, self.model_kwargs, self.fit_kwargs = model, warm_start, model_kwargs, fit_kwargs

    def get_params(self, deep: bool = True) -> dict:
        return {name: getattr(self, name) for name in list(inspect.signature(_Wrapper.__init__).parameters)[1:]}

    def set_params(self, **params):
        for name, value in params.items():
            one_of(type(self).__name__, "the parameter", name, tuple(self.get_params()))
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self):
        return type(self)(**self.get_params())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags
        kind = self._estimator_type
        return Tags(estimator_type=kind, target_tags=TargetTags(required=True), input_tags=InputTags(),
                    classifier_tags=ClassifierTags() if kind == "classifier" else None,
                    regressor_tags=RegressorTags() if kind == "regressor" else None, non_deterministic=True)

    def _made(self, X, y):
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if not isinstance(self.model, Model):
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        elif self.warm_start or self.model._compiled is None:
            model = self.model
        else:
            model, optimizer = clone_model(self.model), self.model.optimizer
            model.compile(type(optimizer).from_config(optimizer.get_config()), **self.model._compiled)
        if model._compiled is None or model.loss is None:
            raise RuntimeError(f"{type(self).__name__}: the model must be compiled with a loss and an optimizer: call "
                               "model.compile(optimizer=..., loss=...) first")
        return model

    def fit(self, X, y, **kwargs):
        """Train a model on X (n, ...) and y; further options go to its `fit`."""
        X, y = np.asarray(X), np.asarray(y)
        self.n_features_in_ = X.shape[1] if X.ndim > 1 else 1
        target = self._encoded(y)
        model = self._made(X, target)
        self.history_ = model.fit(X, target, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _raw(self, X):
        if not hasattr(self, "model_"):
            raise ValueError(f"{type(self).__name__} is not fitted yet: call fit(X, y) first")
        return self.model_.predict(np.asarray(X), verbose=0)


class SKLearnRegressor(_Wrapper):
    """predict gives the model's outputs, in the shape that y had."""
    _estimator_type = "regressor"

    def _encoded(self, y):
        self._flat = y.ndim == 1
        return y[:, None] if self._flat else y

    def predict(self, X):
        y = self._raw(X)
        return y.reshape(len(y)) if self._flat and y.ndim > 1 and y.shape[1] == 1 else y

    def score(self, X, y, sample_weight=None) -> float:
        """R2: 1 - squared error over variance, mean over the outputs."""
        y, error = np.asarray(y, float), np.asarray(y, float) - self.predict(X)
        variance = np.average((y - np.average(y, 0, sample_weight)) ** 2, 0, sample_weight)
        return float(np.mean(1 - np.average(error ** 2, 0, sample_weight) / variance))


class SKLearnClassifier(_Wrapper):
    """The model sees labels as one-hot rows; predict gives the labels of the largest outputs."""
    _estimator_type = "classifier"

    def _encoded(self, y):
        self.classes_, places = np.unique(y, return_inverse=True)
        require("SKLearnClassifier", "y", len(self.classes_) > 1, "of at least two classes", self.classes_.tolist())
        return np.eye(len(self.classes_), dtype="float32")[places.reshape(len(y))]

    def decision_function(self, X):
        """The model's outputs."""
        return self._raw(X)

    def predict(self, X):
        outputs = self._raw(X)
        return self.classes_[outputs.argmax(-1)]

    def score(self, X, y, sample_weight=None) -> float:
        """The share of right labels."""
        return float(np.average(self.predict(X) == np.asarray(y).reshape(len(y)), weights=sample_weight))
