"""`gpunn train` from end to end on the built-in data, and what it refuses."""
import csv
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from gpunn import cli, storage
from gpunn.datasets import mnist

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def clean_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("GPUNN_DATA", raising=False)


def accuracy_of(text):
    return float(re.search(r"held-out accuracy: ([\d.]+)", text)[1])


def test_training_on_digits_learns_and_keeps_everything(tmp_path, capsys):
    assert cli.main(["train", "digits", "--device", "cpu", "--epochs", "8", "--out", "here/run"]) == 0
    text = capsys.readouterr().out
    assert "device: cpu" in text and "digits: 1442 samples to train on, 355 held out" in text
    assert "Total params: 50,826" in text and "Epoch 8/8" in text and "results: here/run/curves.svg" in text
    assert accuracy_of(text) > 0.93
    folder = tmp_path / "here" / "run"
    assert ET.parse(folder / "curves.svg").getroot().tag.endswith("svg")
    rows = list(csv.DictReader((folder / "history.csv").open()))
    assert len(rows) == 8 and float(rows[-1]["val_accuracy"]) == pytest.approx(accuracy_of(text), abs=1e-4)
    arrays, _ = storage.load(folder / "model.weights.safetensors")
    assert sum(array.size for array in arrays.values()) == 50826


def test_the_same_seed_gives_the_same_weights(tmp_path):
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        cli.main(["train", "titanic", "--device", "cpu", "--epochs", "2", "--out", out, "--seed", str(seed)])
    a, b, c = (storage.load(tmp_path / out / "model.weights.safetensors")[0] for out in "abc")
    assert all(np.array_equal(a[key], b[key]) for key in a)
    assert not all(np.array_equal(a[key], c[key]) for key in a)


def test_titanic_beats_the_majority(capsys):
    cli.main(["train", "titanic", "--device", "cpu", "--epochs", "60"])
    assert accuracy_of(capsys.readouterr().out) > 0.62       # 0.591 of them died
    assert len(list(Path("runs").glob("titanic-mlp-*/curves.svg"))) == 1


def test_mnist_says_which_set_it_uses(capsys, monkeypatch):
    assert cli.load_mnist().name == "mnist_5k"
    assert "the full MNIST is not on this machine" in capsys.readouterr().out
    full = (np.zeros((6, 28, 28), np.uint8), np.zeros(6, np.uint8))
    monkeypatch.setattr(mnist, "find_data", lambda: (full, full))
    assert cli.load_mnist().name == "MNIST" and not capsys.readouterr().out


@pytest.mark.parametrize("arguments, match", [
    (["train", "cifar"], "invalid choice: 'cifar'"),
    (["train", "digits", "--epochs", "0"], "must be at least 1, got 0"),
    ([], "the following arguments are required: command"),
])
def test_wrong_arguments(arguments, match, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2 and match in capsys.readouterr().err


def test_a_cnn_wants_images():
    with pytest.raises(SystemExit, match="--model cnn needs images; Titanic"):
        cli.main(["train", "titanic", "--device", "cpu", "--model", "cnn"])


def test_python_m_gpunn():
    run = subprocess.run([sys.executable, "-m", "gpunn", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0 and "train" in run.stdout and "doctor" in run.stdout


def test_warmup_prepares_what_usual_models_need(capsys, monkeypatch):
    from gpunn.kernels.cpu import ahead
    modules = set()
    monkeypatch.setattr(ahead, "prepare_all", lambda jobs: [modules.add(k.py_func.__module__) is None for k, _ in jobs])
    assert cli.main(["warmup"]) == 0
    assert {"attention", "recurrent", "normalize", "optimize", "pool"} <= {m.split(".")[-1] for m in modules}
    assert re.search(r"(\d+) kernels are ready, \1 of them compiled now, in [\d.]+ s", capsys.readouterr().out)


def test_a_device_that_is_not_there_is_one_line(capfd, monkeypatch):
    monkeypatch.setattr("gpunn.backend.cuda.why_not", lambda: "no NVIDIA driver found (libcuda.so.1)")
    assert cli.main(["train", "digits", "--device", "cuda"]) == 1
    error = capfd.readouterr().err
    assert "device 'cuda' is not available: no NVIDIA driver" in error and "Traceback" not in error
