"""BackupAndRestore: processes are killed, and the training ends with the same bits."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(folder, **options):
    """(return code, what it printed)"""
    command = [sys.executable, "-m", "tests.callbacks.resumed", json.dumps({"folder": str(folder), **options})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, -9), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def resumed(folder, deaths, **options):
    """Killed at each of these places, then left alone."""
    for death in deaths:
        assert run(folder, **death, **options) == (-9, None)
    return run(folder, **options)[1]


def tail(history, whole):
    """The last rows of a whole history, as many as the resumed one has."""
    n = len(history["loss"])
    return {name: values[-n:] for name, values in whole.items()}


@pytest.mark.parametrize("kind, save_freq, deaths", [
    ("arrays", "epoch", [{"die_at": 20}]),
    ("arrays", 4, [{"die_at": 6}, {"die_at": 21}, {"die_at": 9}]),
    ("arrays", 9, [{"die_at": 10}]),                                    # the last batch of an epoch
    ("parts", 3, [{"die_at": 11}]),
    ("generator", 3, [{"die_at": 13}]),
    ("dataset", 4, [{"die_at": 15}]),
    ("dataset", "epoch", [{"die_at": 15}]),
], ids=str)
def test_the_end_is_the_same(tmp_path, kind, save_freq, deaths):
    digest, history = run(tmp_path / "whole", kind=kind)[1]
    again, rest = resumed(tmp_path / "broken", deaths, kind=kind, save_freq=save_freq)
    assert again == digest and rest == tail(rest, history) and 0 < len(rest["loss"]) < len(history["loss"])
    assert not list(tmp_path.iterdir())                                 # backups go when the training is over
