"""Run once where Keras 3 is installed: `KERAS_BACKEND=torch python -m tests.golden.record_callbacks`."""
import json
import tempfile
from pathlib import Path

import keras

from .callback_cases import runs

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(runs(keras, folder))
    Path(__file__).with_name("callbacks.json").write_text(text + "\n")
    print(f"{len(text)} bytes from Keras {keras.__version__}")
