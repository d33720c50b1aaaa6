"""Forecasting a time series: LSTM and GRU against two simple guesses.

    python examples/forecasting.py
"""
import numpy as np

import gpunn
from gpunn import layers
from gpunn.utils import timeseries_dataset_from_array

WINDOW, EPOCHS = 48, 4
rng = np.random.default_rng(0)
t = np.arange(6000)                                         # hours: a day, a week and noise with a memory
noise = np.convolve(rng.normal(size=len(t) + 4), [0.4, 0.3, 0.2, 0.1, 0.05], "valid")
series = np.sin(2 * np.pi * t / 24) * (1 + 0.5 * np.sin(2 * np.pi * t / 168)) + 0.3 * noise
series = series.astype("float32")[:, None]
cut = 5000


def windows(part, **options):
    """(batch, WINDOW, 1) -> the value after the window"""
    return timeseries_dataset_from_array(part[:-1], part[WINDOW:], WINDOW, batch_size=64, **options)


def trained(recurrent) -> float:
    """The mean absolute error on the part of the series that comes after the training."""
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((WINDOW, 1)), recurrent, layers.Dense(1)])
    model.compile(gpunn.optimizers.Adam(0.005), "mse", metrics=["mae"])
    model.fit(windows(series[:cut], shuffle=True, seed=1), epochs=EPOCHS, verbose=0)
    return model.evaluate(windows(series[cut:]), verbose=0)[1]


test = series[cut:]
errors = {"as an hour ago": np.abs(test[WINDOW:] - test[WINDOW - 1:-1]).mean(),
          "as a day ago": np.abs(test[WINDOW:] - test[WINDOW - 24:-24]).mean(),
          "LSTM": trained(layers.LSTM(32)), "GRU": trained(layers.GRU(32))}
for name, error in errors.items():
    print(f"{name:15s} mean absolute error {error:.3f}")
assert max(errors["LSTM"], errors["GRU"]) < min(errors["as an hour ago"], errors["as a day ago"])
