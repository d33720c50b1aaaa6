"""A training that was interrupted and taken up again by another model, on every device."""
import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers

from .zoo import MODELS, data


class Interrupted(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 5:
            raise KeyboardInterrupt


def stateful():
    return gpunn.Sequential([layers.Input(batch_shape=(4, 3, 2)), layers.SimpleRNN(5, stateful=True),
                             layers.Dropout(0.2), layers.Dense(4, activation="softmax")])


def trained(folder, name, *others):
    model = stateful() if name == "stateful" else MODELS[name]()
    model.compile(gpunn.optimizers.SGD(0.05, momentum=0.9, use_ema=True), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    size, n = (4, 12) if name == "stateful" else (6, 16)
    x, y = data(model, n)
    calls = [callbacks.BackupAndRestore(folder, "epoch" if name == "lstm" else 2),
             callbacks.SwapEMAWeights(swap_on_epoch=True), *others]
    history = model.fit(x, y, batch_size=size, epochs=3, verbose=0, validation_data=(x, y), callbacks=calls)
    return model, history.history


@pytest.mark.parametrize("name", ["mlp", "lstm", "stateful"])
def test_the_bits_are_the_same(device, tmp_path, name):
    gpunn.set_seed(3)
    whole, history = trained(tmp_path / "a", name)
    gpunn.set_seed(3)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", name, Interrupted())
    gpunn.set_seed(4)                                   # other weights and numbers: all are restored
    again, rest = trained(tmp_path / "b", name)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert rest == {key: values[1:] for key, values in history.items()}
    x, _ = data(whole, 4)
    np.testing.assert_array_equal(whole.predict(x, verbose=0), again.predict(x, verbose=0))
    assert whole._fit is None and not (tmp_path / "b").exists()
