"""The data sets: what is built in, what is found on the machine, what is fetched, and what is refused."""
import gzip
import hashlib
import io
import sys
import urllib.error
import zipfile

import numpy as np
import pytest

import gpunn
from gpunn.datasets import digits, fashion_mnist, images, mnist, mnist_5k, titanic
from gpunn.storage import download


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A machine without data and without a network."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("GPUNN_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)

    def offline(url, limit):
        raise urllib.error.URLError("no network")
    monkeypatch.setattr(images, "fetch", offline)
    return tmp_path / "home"


def arrays(first=7):
    parts = {key: np.zeros(shape, np.uint8) for key, (_, shape) in images.PARTS.items()}
    parts["x_train"][0, 0, :3] = [first, 2, 3]
    return parts


def npz(**parts):
    file = io.BytesIO()
    np.savez_compressed(file, **parts)
    return file.getvalue()


def write_idx(folder, parts, pack):
    folder.mkdir(parents=True)
    for key, (name, shape) in images.PARTS.items():
        raw = images.idx_header(shape) + parts[key].tobytes()
        (folder / (name + ".gz" if pack else name)).write_bytes(gzip.compress(raw, 1) if pack else raw)


def check(data, first=7):
    (x_train, y_train), (x_test, y_test) = data
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert y_train.shape == (60000,) and y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert x_train[0, 0, :3].tolist() == [first, 2, 3]
    x_train[0, 0, 0] = 1                        # Keras' arrays can be written to


def test_a_sub_module_is_imported_by_name():
    assert gpunn.datasets.mnist is mnist
    with pytest.raises(AttributeError, match="'imagenet'; it has cifar10"):
        gpunn.datasets.imagenet.load_data()


def test_the_keras_folder_is_searched(home):
    (home / ".keras" / "datasets").mkdir(parents=True)
    (home / ".keras" / "datasets" / "mnist.npz").write_bytes(npz(**arrays()))
    check(mnist.load_data())
    check(mnist.find_data())


def test_gpunn_data_comes_first_and_a_path_is_taken_as_it_is(home, tmp_path, monkeypatch):
    for folder, first in ((home / ".keras" / "datasets", 1), (tmp_path / "mine", 2)):
        folder.mkdir(parents=True)
        (folder / "mnist.npz").write_bytes(npz(**arrays(first)))
    monkeypatch.setenv("GPUNN_DATA", str(tmp_path / "mine"))
    check(mnist.load_data(), 2)
    check(mnist.load_data(str(home / ".keras" / "datasets" / "mnist.npz")), 1)


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("module, folder", [(mnist, "MNIST/raw"), (fashion_mnist, "FashionMNIST/raw"),
                                            (fashion_mnist, "fashion-mnist")])
def test_idx_files_of_torchvision_and_keras_are_found(tmp_path, module, folder, pack):
    write_idx(tmp_path / "data" / folder, arrays(), pack)
    check(module.load_data())


def test_three_of_four_idx_files_are_no_data_set(tmp_path):
    write_idx(tmp_path / "data" / "MNIST/raw", arrays(), False)
    (tmp_path / "data" / "MNIST/raw" / "t10k-labels-idx1-ubyte").unlink()
    assert mnist.find_data() is None


def test_a_download_is_verified_and_kept(home, monkeypatch):
    raw, asked = npz(**arrays()), []
    monkeypatch.setattr(images, "fetch", lambda url, limit: (asked.append(url), raw)[1])
    monkeypatch.setitem(mnist.SET.downloads, "mnist.npz", hashlib.sha256(raw).hexdigest())
    check(mnist.load_data())
    check(mnist.load_data())
    assert asked == ["https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"]
    assert [file.name for file in (home / ".keras" / "datasets").iterdir()] == ["mnist.npz"]


def test_packed_downloads_are_verified_by_their_content(home, monkeypatch):
    parts = arrays()
    raw = {name: images.idx_header(shape) + parts[key].tobytes()
           for key, (name, shape) in images.PARTS.items()}
    monkeypatch.setattr(images, "fetch", lambda url, limit: gzip.compress(raw[url.split("/")[-1][:-3]], 1))
    for name in fashion_mnist.SET.downloads:
        monkeypatch.setitem(fashion_mnist.SET.downloads, name, hashlib.sha256(raw[name[:-3]]).hexdigest())
    check(fashion_mnist.load_data())
    assert len(list((home / ".keras" / "datasets" / "fashion-mnist").iterdir())) == 4


def test_a_wrong_download_is_not_kept(home, monkeypatch):
    monkeypatch.setattr(images, "fetch", lambda url, limit: npz(**arrays()))
    with pytest.raises(FileNotFoundError, match="expected 731c5ac602752760c8e48fbffcf8c3b"):
        mnist.load_data()
    assert not (home / ".keras").exists()


@pytest.mark.parametrize("module, words", [
    (mnist, ["no network", "mnist.npz", "731c5ac6", ".keras/datasets", "GPUNN_DATA", "mnist_5k"]),
    (fashion_mnist, ["no network", "train-images-idx3-ubyte.gz", "c59f468a", "fashion-mnist", "mnist_5k"]),
])
def test_without_data_the_error_says_what_to_put_where_and_what_is_built_in(module, words):
    with pytest.raises(FileNotFoundError) as caught:
        module.load_data()
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("raw, match", [
    (b"not a zip", "not a zip file"),
    (npz(x_train=np.zeros(3, np.uint8)), "x_train.npy is uint8 of shape"),
    (npz(**{**arrays(), "x_train": np.zeros((60000, 28, 28), np.int8)}), "is int8 of shape"),
    (npz(**arrays())[:-4000], "not a zip file"),
    (npz(**{**arrays(), "y_test": np.array([None])}), "y_test.npy is object of shape"),
])
def test_a_damaged_archive_is_named(tmp_path, raw, match):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist.npz").write_bytes(raw)
    with pytest.raises(ValueError, match=match) as caught:
        mnist.load_data()
    assert "mnist.npz" in str(caught.value) and "delete it" in str(caught.value)


def test_an_archive_that_says_less_than_it_holds_is_refused(tmp_path):
    """The header promises the right shape, the member unpacks to more: reading stops one byte too far."""
    head = io.BytesIO()
    claim = {"descr": "|u1", "fortran_order": False, "shape": (60000, 28, 28)}
    np.lib.format.write_array_header_1_0(head, claim)
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "mnist.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x_train.npy", "w") as member:
            member.write(head.getvalue())
            for _ in range(200):
                member.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="x_train.npy holds too many bytes"):
        mnist.load_data()


@pytest.mark.parametrize("url", ["http://example.org/mnist.npz", "file:///etc/passwd", "ftp://example.org/a"])
def test_only_https_is_fetched(url):
    with pytest.raises(OSError, match="only https"):
        download.fetch(url, 10)
    with pytest.raises(OSError, match="only https"):
        download.HttpsOnly().redirect_request(None, None, 302, "moved", {}, url)


def test_a_download_beyond_its_limit_is_cut(monkeypatch):
    class Opener:
        def open(self, url, timeout):
            return io.BytesIO(bytes(100))
    monkeypatch.setattr(download.urllib.request, "build_opener", lambda handler: Opener())
    assert download.fetch("https://example.org/a", 100) == bytes(100)
    with pytest.raises(OSError, match="more than 99 bytes"):
        download.fetch("https://example.org/a", 99)


def test_mnist_5k_is_balanced_and_split_without_overlap():
    (x_train, y_train), (x_test, y_test) = mnist_5k.load_data()
    assert x_train.shape == (4000, 28, 28) and x_test.shape == (1000, 28, 28) and x_train.dtype == np.uint8
    assert np.bincount(y_train).tolist() == [400] * 10 and np.bincount(y_test).tolist() == [100] * 10
    assert not {x.tobytes() for x in x_train} & {x.tobytes() for x in x_test}
    assert y_train[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert 32 < x_train.mean() < 35             # MNIST's mean grey is 33.3


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1442, 8, 8) and x_test.shape == (355, 8, 8) and x_train.max() == 16
    counts = np.bincount(y_train) + np.bincount(y_test)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]       # as published
    assert (np.bincount(y_test) == counts // 5).all()


def test_titanic():
    table = titanic.load_table()
    assert list(table) == ["pclass", "survived", "sex", "age", "sibsp", "parch", "fare", "embarked"]
    assert len(table["fare"]) == 1309 and table["survived"].sum() == 500
    assert (table["sex"] == "female").sum() == 466
    assert np.bincount(table["pclass"]).tolist() == [0, 323, 277, 709]
    (x_train, y_train), (x_test, y_test) = titanic.load_data()
    assert x_train.shape == (837, 2) and x_test.shape == (208, 2) and x_train.dtype == np.float32
    assert y_train.sum() + y_test.sum() == 427 and not np.isnan(x_train).any()
    known = {(fare, age) for fare, age in zip(table["fare"].tolist(), table["age"].tolist())}
    assert all(tuple(row) in known for row in x_test.tolist())
    assert abs(y_train[:400].mean() - y_train[400:].mean()) < 0.1      # mixed, not sorted by class


@pytest.mark.parametrize("module", [mnist_5k, digits, titanic])
def test_the_split_is_always_the_same(module):
    for one, two in zip(module.load_data(), module.load_data()):
        assert all(np.array_equal(a, b) for a, b in zip(one, two))


def test_the_deck_lines_work_with_gpunn_in_the_place_of_keras(home, monkeypatch):
    (home / ".keras" / "datasets").mkdir(parents=True)
    (home / ".keras" / "datasets" / "mnist.npz").write_bytes(npz(**arrays()))
    monkeypatch.setitem(sys.modules, "keras", gpunn)
    monkeypatch.setitem(sys.modules, "keras.datasets", gpunn.datasets)
    from keras.datasets import mnist as deck
    (train_images, train_labels), (test_images, test_labels) = deck.load_data()
    assert train_images.ndim == 3 and train_images.shape == (60000, 28, 28) and train_images.dtype == np.uint8
    assert (test_images.reshape((10000, 28 * 28)).astype("float32") / 255).shape == (10000, 784)
