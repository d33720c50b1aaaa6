"""Trainings that Keras and gpunn both run: equal models, weights, data and options give equal histories and weights."""
import numpy as np

OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "sgd_momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "sgd_decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.01}),
    "sgd_clipnorm": ("SGD", {"learning_rate": 0.5, "clipnorm": 0.05}),
    "sgd_clipvalue": ("SGD", {"learning_rate": 0.5, "clipvalue": 0.01}),
    "sgd_global_clipnorm": ("SGD", {"learning_rate": 0.5, "global_clipnorm": 0.1}),
    "sgd_ema": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7}),
    "sgd_ema_overwrite": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7,
                                  "ema_overwrite_frequency": 3}),
    "sgd_accumulation": ("SGD", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    "sgd_loss_scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "rho": 0.8}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-4}),
    "adam": ("Adam", {"learning_rate": 0.02}),
    "adam_amsgrad": ("Adam", {"learning_rate": 0.02, "amsgrad": True, "beta_1": 0.8}),
    "adam_accumulation": ("Adam", {"learning_rate": 0.02, "gradient_accumulation_steps": 3}),
    "adamw": ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.1}),
}

FITS = {
    "plain": {},
    "last_batch": {"batch_size": 7},
    "validation_split": {"validation_split": 0.25},
    "validation_freq": {"validation_split": 0.25, "validation_freq": 2},
    "sample_weight": {"sample_weight": True},
    "class_weight": {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    "steps": {"steps_per_epoch": 2},
    "initial_epoch": {"initial_epoch": 1},
}


def data():
    r = np.random.default_rng(3)
    x = r.normal(size=(24, 5)).astype("float32")
    return x, r.integers(0, 3, 24).astype("int32"), r.uniform(0.2, 2, 24).astype("float32")


def train(keras, optimizer="sgd", fit=None):
    """The history and the weights after three epochs, from fixed initial weights."""
    r = np.random.default_rng(1)
    model = keras.Sequential([keras.layers.Input((5,)),
                              keras.layers.Dense(6, activation="tanh", kernel_regularizer="l2"),
                              keras.layers.BatchNormalization(), keras.layers.Dense(3, activation="softmax")])
    model.set_weights([np.abs(r.normal(size=w.shape)) if "var" in w.name else r.normal(size=w.shape) * 0.5
                       for w in model.weights])
    name, options = OPTIMIZERS[optimizer]
    model.compile(getattr(keras.optimizers, name)(**options), "sparse_categorical_crossentropy", metrics=["accuracy"],
                  weighted_metrics=["sparse_categorical_crossentropy"])
    x, y, weights = data()
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0, **(fit or {})}
    if options.pop("sample_weight", False):
        options["sample_weight"] = weights
    history = model.fit(x, y, **options).history
    scores = model.evaluate(x, y, batch_size=5, sample_weight=weights, verbose=0, return_dict=True)
    return history, scores, model.get_weights(), model.predict(x, verbose=0)


def two_headed(keras):
    """Two inputs, two outputs, a shared layer, losses weighed, metrics by output."""
    r = np.random.default_rng(2)
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(3, activation="relu", name="shared")
    both = keras.layers.Concatenate()([shared(a), shared(b)])
    classes = keras.layers.Dense(3, activation="softmax", name="classes")(both)
    value = keras.layers.Dense(1, name="value")(both)
    model = keras.Model([a, b], [classes, value])
    model.set_weights([r.normal(size=w.shape) * 0.5 for w in model.weights])
    model.compile("adam", {"classes": "sparse_categorical_crossentropy", "value": "mse"},
                  loss_weights={"classes": 1.0, "value": 0.3},
                  metrics={"classes": ["accuracy"], "value": ["mae"]})
    xa, xb = r.normal(size=(2, 20, 4)).astype("float32")
    y, v = r.integers(0, 3, 20).astype("int32"), r.normal(size=(20, 1)).astype("float32")
    history = model.fit({"a": xa, "b": xb}, {"classes": y, "value": v}, batch_size=6, epochs=3, shuffle=False,
                        verbose=0).history
    return history, {}, model.get_weights(), np.concatenate(model.predict([xa, xb], verbose=0), axis=1)


def runs():
    """Name -> a function of the library that trains."""
    cases = {f"optimizer_{name}": (lambda k, name=name: train(k, name)) for name in OPTIMIZERS}
    cases |= {f"fit_{name}": (lambda k, options=options: train(k, "adam", options)) for name, options in FITS.items()}
    return cases | {"two_headed": two_headed}


def packed(result) -> dict[str, np.ndarray]:
    history, scores, weights, predictions = result
    return {**{f"history.{k}": np.asarray(v, "float64") for k, v in history.items()},
            **{f"scores.{k}": np.asarray(v, "float64") for k, v in scores.items()},
            **{f"weights.{i}": w for i, w in enumerate(weights)}, "predictions": predictions}
