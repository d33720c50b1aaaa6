"""Record functions.npz from Keras 3: KERAS_BACKEND=torch python -m tests.golden.record_functions"""
import json
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import torch

from tests.golden import function_cases as cases


def of(module, expression: str, **names):
    return eval(expression, vars(module) | names)


def activation(expression: str, x):
    return of(keras.activations, expression, x=x)


def with_slope(f, array, slopes=1.0) -> tuple:
    """f(array), and the gradient of its sum, weighted."""
    x = torch.from_numpy(array.copy()).requires_grad_()
    y = f(x)
    (y * torch.as_tensor(slopes)[:y.shape[0], :y.shape[1]] if y.ndim else y).sum().backward()
    return y.detach().numpy(), x.grad.numpy()


def main():
    arrays, configs = {}, {}
    for text in cases.ACTIVATIONS:
        value, slope = with_slope(partial(activation, text), cases.X, cases.SLOPES)
        arrays |= {text: value, f"{text} slope": slope}
    for text in cases.SCHEDULES:
        schedule = of(keras.optimizers.schedules, text)
        arrays[text], configs[text] = np.array([float(schedule(s)) for s in cases.STEPS]), schedule.get_config()
    for text in cases.CONSTRAINTS:
        constraint = of(keras.constraints, text)
        value = constraint(torch.from_numpy(cases.weights_for(text).copy()))
        arrays[text], configs[text] = keras.ops.convert_to_numpy(value), constraint.get_config()
    for text in cases.REGULARIZERS:
        regularizer = of(keras.regularizers, text)
        value, slope = with_slope(regularizer, cases.MATRIX)
        arrays |= {text: value, f"{text} slope": slope}
        configs[text] = regularizer.get_config()
    path = Path(__file__).with_name("functions.npz")
    np.savez_compressed(path, configs=np.array(json.dumps(configs)), **arrays)
    print(len(arrays), "arrays", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
