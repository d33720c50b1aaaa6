"""A process that is killed while it saves leaves the old file or the new one, never a torn one."""
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gpunn
from gpunn import layers
from gpunn.models import load_model

SAVES = """
import itertools, sys
import numpy as np
import gpunn
from gpunn import callbacks, layers
path, how = sys.argv[1:]
model = gpunn.Sequential([layers.Input((300,)), layers.Dense(700)])
model.compile("sgd", "mse")
for i in itertools.count():
    model.set_weights([np.full((300, 700), i, "f4"), np.full(700, i, "f4")])
    if how == "checkpoint":
        watch = callbacks.ModelCheckpoint(path, verbose=0)
        watch.set_model(model)
        watch.on_epoch_end(0, {})
    else:
        getattr(model, how)(path)
    if i == 0:
        print("saved", flush=True)
"""
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("how", ["save", "save_weights", "checkpoint"])
def test_the_old_or_the_new(how, tmp_path):
    dice, path = random.Random(how), tmp_path / "m"
    for _ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", SAVES, str(path), how], stdout=subprocess.PIPE, cwd=ROOT)
        while writer.stdout.readline() not in (b"saved\n", b""):
            pass
        time.sleep(dice.random() * 0.06)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if how == "save_weights":
            model = gpunn.Sequential([layers.Input((300,)), layers.Dense(700)])
            model.load_weights(path)
        else:
            model = load_model(path)
        kernel, bias = model.get_weights()
        assert np.ptp(kernel) == np.ptp(bias) == 0 and kernel[0, 0] == bias[0]
