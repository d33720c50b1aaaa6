"""Ten steps that Keras and gpunn both make: every optimizer, with each option, on weights of several ranks."""
import re

import numpy as np

SHAPES = {"kernel": (3, 5), "bias": (5,), "filters": (2, 2, 4), "scale": (), "embedding": (4, 3), "tall": (6, 2)}
OWN = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}],
    "RMSprop": [{}, {"momentum": 0.5, "rho": 0.8}, {"centered": True, "epsilon": 1e-4},
                {"momentum": 0.5, "centered": True, "epsilon": 1e-4}],
    "Adam": [{}, {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}],
    "AdamW": [{}, {"weight_decay": 0.1}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.5, "epsilon": 1e-3}],
    "Adadelta": [{}, {"rho": 0.8, "epsilon": 1e-3}],
    "Adamax": [{}, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}],
    "Nadam": [{}, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}],
    "Lion": [{}, {"beta_1": 0.7, "beta_2": 0.9}],
    "Ftrl": [{}, {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2, "beta": 0.3},
             {"learning_rate_power": -0.7, "initial_accumulator_value": 0.3,
              "l2_shrinkage_regularization_strength": 0.1}],
    "Lamb": [{}, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}],
    "Adafactor": [{}, {"beta_2_decay": -0.6, "epsilon_1": 1e-4, "epsilon_2": 0.1, "clip_threshold": 0.5},
                  {"relative_step": False, "learning_rate": 0.9}],
    "Muon": [{}, {"nesterov": False, "rms_rate": None, "momentum": 0.8, "ns_steps": 3},
             {"exclude_layers": ["tall"], "exclude_embeddings": False, "adam_lr_ratio": 0.3, "weight_decay": None,
              "adam_beta_1": 0.8, "adam_beta_2": 0.9, "epsilon": 1e-3}],
    "ScheduleFreeAdamW": [{}, {"warmup_steps": 4, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}],
}
SHARED = [
    {"weight_decay": 0.2}, {"weight_decay": 0.2, "exclude": ["bias", "scale"]}, {"clipnorm": 0.5}, {"clipvalue": 0.3},
    {"global_clipnorm": 0.7}, {"use_ema": True, "ema_momentum": 0.6},
    {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 3}, {"loss_scale_factor": 8.0},
    {"gradient_accumulation_steps": 3}, {"schedule": True},
    {"weight_decay": 0.2, "global_clipnorm": 0.7, "use_ema": True, "ema_overwrite_frequency": 2,
     "gradient_accumulation_steps": 2, "schedule": True, "loss_scale_factor": 2.0},
]
BROKEN = {3: np.inf, 4: np.nan, 8: -np.inf}         # steps whose gradients are not finite, for LossScaleOptimizer
SCALED = [("SGD", {}), ("Adam", {"schedule": True}), ("Nadam", {"weight_decay": 0.2}), ("Lamb", {"clipnorm": 0.5}),
          ("Adafactor", {}), ("Muon", {}), ("ScheduleFreeAdamW", {}),
          ("Adam", {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2})]


def cases():
    """Name -> (class, options)"""
    both = {f"{name}-{i}": (name, options) for name, own in OWN.items()
            for i, options in enumerate([*own, *SHARED])}
    return both | {f"LossScaleOptimizer-{name}-{i}": (name, {**options, "scaled": True})
                   for i, (name, options) in enumerate(SCALED)}


def made(keras, name, options, variables):
    options = {"learning_rate": 0.05} | options
    scaled, exclude = options.pop("scaled", False), options.pop("exclude", None)
    if options.pop("schedule", False):
        options["learning_rate"] = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
    optimizer = getattr(keras.optimizers, name)(**options)
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=exclude)
    optimizer.build(variables)                      # inside the other, Keras forgets some variables
    return keras.optimizers.LossScaleOptimizer(optimizer, 4.0, 3) if scaled else optimizer


def run(keras, name, options, steps=10):
    """-> {what: array}: the weights after three steps and after ten, and the optimizer's own variables."""
    r = np.random.default_rng(7)
    variables = [keras.Variable(r.normal(size=s).astype("float32"), name=n) for n, s in SHAPES.items()]
    optimizer, found = made(keras, name, options, variables), {}
    for step in range(steps):
        grads = [r.normal(size=s).astype("float32") for s in SHAPES.values()]
        if options.get("scaled") and step in BROKEN:
            grads[2][0, 1, 2] = BROKEN[step]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in grads], variables)
        if step in (2, steps - 1):
            found |= {f"{step}.{n}": value_of(v) for n, v in zip(SHAPES, variables)}
    found["names"] = np.array([re.sub(r"^variable_\d+", "variable", v.name) for v in optimizer.variables])
    found["state"] = np.concatenate([np.ravel(value_of(v)).astype("float32") for v in optimizer.variables])
    optimizer.finalize_variable_values(variables)
    return found | {f"final.{n}": value_of(v) for n, v in zip(SHAPES, variables) if options.get("use_ema")}


def value_of(variable) -> np.ndarray:
    value = variable.numpy()
    return np.array(value.detach() if hasattr(value, "detach") else value)
