"""CIFAR: read from an archive that holds just what it should, fetched only if its digest is right."""
import hashlib
import io
import tarfile
import urllib.error
from dataclasses import replace

import numpy as np
import pytest

from gpunn.datasets import cifar, cifar10, cifar100, images

R = np.random.default_rng(0)
FILES = {"one.bin": 3, "two.bin": 2, "last.bin": 4}


def archive(files, folder="inner", kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.type, member.linkname = len(data), kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(data))
    return raw.getvalue()


def rows(labels=2):
    return {name: R.integers(0, 256, (n, labels + 3072)).astype(np.uint8) for name, n in FILES.items()}


def described(raw):
    return cifar.ColorSet("set.tar.gz", hashlib.sha256(raw).hexdigest(), "inner", FILES, 2)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GPUNN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_pixels_and_labels_of_an_archive_that_is_here(home):
    data = rows()
    raw = archive({name: r.tobytes() for name, r in data.items()})
    home.mkdir()
    (home / "set.tar.gz").write_bytes(raw)
    (x, y), (x_test, y_test) = cifar.load(described(raw), label=1)
    assert x.shape == (5, 32, 32, 3) and x_test.shape == (4, 32, 32, 3) and x.dtype == y.dtype == np.uint8
    last = data["last.bin"]
    assert y_test.tolist() == last[:, 1:2].tolist() and x.flags.writeable and y.shape == (5, 1)
    for c in range(3):                              # planes of red, green, blue
        np.testing.assert_array_equal(x_test[3, :, :, c], last[3, 2 + 1024 * c:2 + 1024 * (c + 1)].reshape(32, 32))


@pytest.mark.parametrize("make, words", [
    (lambda files: b"no archive", "not a gzip|could not be opened"),
    (lambda files: archive(files)[:9000], "damaged"),
    (lambda files: archive({**files, "one.bin": b"1"}), "one.bin holds 1 bytes, expected 9222"),
    (lambda files: archive(files, "elsewhere"), "inner/one.bin"),
    (lambda files: archive(files, kind=tarfile.SYMTYPE), "inner/one.bin holds"),
])
def test_other_archives_are_refused(home, make, words):
    raw = make({name: r.tobytes() for name, r in rows().items()})
    home.mkdir()
    (home / "set.tar.gz").write_bytes(raw)
    with pytest.raises(ValueError, match=words):
        cifar.load(described(raw))


def test_a_download_is_verified_and_kept(home, monkeypatch):
    raw = archive({name: r.tobytes() for name, r in rows().items()})
    monkeypatch.setattr(images, "fetch", lambda url, limit: raw)
    with pytest.raises(FileNotFoundError, match="came with SHA-256"):
        cifar.load(replace(described(raw), digest="0" * 64))
    assert not home.exists()
    assert len(cifar.load(described(raw))[0][0]) == 5 and (home / "set.tar.gz").read_bytes() == raw


@pytest.mark.parametrize("load", [cifar10.load_data, cifar100.load_data])
def test_without_a_network_the_way_by_hand_is_said(load, monkeypatch):
    def offline(url, limit):
        raise urllib.error.URLError("no network")
    monkeypatch.setattr(images, "fetch", offline)
    with pytest.raises(FileNotFoundError, match="(?s)no network.*Copy by hand https://.*SHA-256"):
        load()
    with pytest.raises(ValueError, match="label_mode must be"):
        cifar100.load_data("both")
