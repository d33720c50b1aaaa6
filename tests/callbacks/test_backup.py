"""BackupAndRestore: processes are killed, and the training ends with the same bits."""
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers

ROOT = Path(__file__).parent.parent.parent


def run(folder, **options):
    """(return code, what it printed)"""
    command = [sys.executable, "-m", "tests.callbacks.resumed", json.dumps({"folder": str(folder), **options})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, -9), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout) if done.stdout else None


@functools.cache
def whole(kind):
    """(digest, history) of the same training, undisturbed."""
    with tempfile.TemporaryDirectory() as folder:
        return run(f"{folder}/b", kind=kind)[1]


def resumed(folder, deaths, **options):
    """Killed at each of these places, then left alone."""
    for death in deaths:
        assert run(folder, **death, **options) == (-9, None)
    return run(folder, **options)[1]


def tail(history, whole):
    """The last rows of a whole history, as many as the resumed one has."""
    n = len(history["loss"])
    return {name: values[-n:] for name, values in whole.items()}


@pytest.mark.parametrize("kind, save_freq, deaths, left", [
    ("arrays", "epoch", [{"die_at": 20}], 3),
    ("arrays", 4, [{"die_at": 6}, {"die_at": 21}, {"die_at": 9}], 2),
    ("arrays", 9, [{"die_at": 10}], 5),                                    # the last batch of an epoch
    ("parts", 3, [{"die_at": 11}], 3),
    ("generator", 3, [{"die_at": 13}], 3),
    ("dataset", 4, [{"die_at": 15}], 4),
    ("dataset", "epoch", [{"die_at": 15}], 4),
], ids=str)
def test_the_end_is_the_same(tmp_path, kind, save_freq, deaths, left):
    digest, history = whole(kind)
    again, rest = resumed(tmp_path / "broken", deaths, kind=kind, save_freq=save_freq)
    assert again == digest and rest == tail(rest, history) and len(rest["loss"]) == left
    assert not list(tmp_path.iterdir())                                 # backups go when the training is over


def test_a_death_in_the_middle_of_a_backup_leaves_the_one_before(tmp_path):
    folder = tmp_path / "b"
    assert run(folder, die_in_backup=2)[0] == -9
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 2 and names[0].endswith(".tmp") and names[1] == "latest.safetensors"
    digest, rest = run(folder)[1]                                       # the folder is gone: nothing was left over
    assert digest == whole("arrays")[0] and len(rest["loss"]) == 4 and not folder.exists()


def test_without_a_seed_the_random_numbers_are_restored_too(tmp_path):
    """A copy of the backup is taken while the training goes on."""
    folder, copy = tmp_path / "b", tmp_path / "copy"
    digest, history = run(folder, seed=None, save_freq=4, copy=[14, str(copy)])[1]
    again, rest = run(copy, seed=None, save_freq=4)[1]
    assert again == digest and rest == tail(rest, history)


def test_a_damaged_backup_is_not_used(tmp_path):
    folder = tmp_path / "b"
    assert run(folder, die_at=22, double_checkpoint=True)[0] == -9
    latest = folder / "latest.safetensors"
    raw = bytearray(latest.read_bytes())
    raw[-100] ^= 1
    latest.write_bytes(raw)
    (folder / "mine.txt").write_text("not to be deleted")
    digest, rest = run(folder, double_checkpoint=True)[1]
    assert digest == whole("arrays")[0] and len(rest["loss"]) == 4
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def small(units=3):
    model = gpunn.Sequential([layers.Input((2,)), layers.Dense(units)])
    model.compile("sgd", "mse")
    return model


class Interrupted(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


def fit(model, folder, *others, n=40, **options):
    return model.fit(np.ones((n, 2)), np.ones((n, 3)), verbose=0,
                     callbacks=[callbacks.BackupAndRestore(folder, 2), *others], **options)


@pytest.mark.parametrize("again, match", [
    (lambda folder: fit(small(), folder, batch_size=10), "40 samples in batches of 8, now .* 40 in batches of 10"),
    (lambda folder: fit(small(), folder, batch_size=8, n=48), "now there are 48 in batches of 8"),
    (lambda folder: small(4).fit(np.ones((40, 2)), np.ones((40, 4)), batch_size=8,
                                 callbacks=[callbacks.BackupAndRestore(folder)]),
     "is not the model that was backed up: it differs in weight.0, weight.1"),
])
def test_another_training_is_refused(tmp_path, again, match):
    with pytest.raises(KeyboardInterrupt):
        fit(small(), tmp_path, Interrupted(), batch_size=8)
    with pytest.raises(ValueError, match=match):
        again(tmp_path)


def test_a_file_that_is_no_backup_is_named(tmp_path):
    (tmp_path / "latest.safetensors").write_bytes(b"what is this")
    with pytest.raises(OSError, match="no backup can be read. Fix: delete them.*latest.safetensors"):
        fit(small(), tmp_path)


def test_a_finished_training_is_not_repeated(tmp_path):
    keep = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    model, other, x = small(), small(), np.ones((8, 2))
    model.fit(x, np.ones((8, 3)), epochs=2, verbose=0, callbacks=[keep])
    history = other.fit(x, np.ones((8, 3)), epochs=2, verbose=0,
                        callbacks=[callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)])
    assert not history.history
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])
