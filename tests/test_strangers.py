"""Files, folders, sizes and names that came from strangers or by mistake: refused at once, each with its name."""
import json
import os
import struct
import zlib

import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers, utils
from gpunn.models import load_model, model_from_json
from gpunn.utils import png


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def image(width, height, data, depth=8):
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return png.MAGIC + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(png.write(np.zeros((4, 4, 3), np.uint8)))
        (tmp_path / name / "0.txt").write_text("good")
    return tmp_path


def images(folder, **options):
    return utils.image_dataset_from_directory(folder, image_size=(4, 4), verbose=False, **options)


@pytest.mark.parametrize("raw, words", [
    (b"", "only PNG files can be read|cannot identify"), (image(4, 4, bytes(20))[:30], "broken|truncated"),
    (image(60_000, 60_000, bytes(10**6)), "60000 x 60000 is refused|exceeds limit"),
    (image(100, 100, bytes(10)), "broken: 10 bytes of pixels, expected 10100|truncated"),
    (image(0, 4, b""), "0 x 4 is refused|cannot identify"),
    (image(4, 4, bytes(20))[:-20] + bytes(20), "broken|truncated")])
def test_pictures(folder, raw, words, monkeypatch):
    monkeypatch.setattr(utils.image, "pillow", lambda: None)
    (folder / "b" / "1.png").write_bytes(raw)
    with pytest.raises((ValueError, ImportError), match=rf"1\.png: .*({words})"):
        images(folder)[0]


def test_texts(folder):
    (folder / "b" / "1.txt").write_bytes(b"\xff\xfe\0a")
    with pytest.raises(ValueError, match=r"1\.txt: this is no UTF-8 text"):
        utils.text_dataset_from_directory(folder, verbose=False)[0]


def test_links_in_circles_pipes_and_folders_with_names_of_pictures(folder):
    for name in ("b/up", "b/also", "a/up"):
        os.symlink(folder, folder / name)
    os.mkfifo(folder / "b" / "pipe.png")
    (folder / "b" / "folder.png").mkdir()
    assert len(images(folder).file_paths) == 2
    assert len(images(folder, follow_links=True).file_paths) < 5


HUGE = {
    "Dense": lambda: layers.Dense(10**12)(np.ones((1, 4))),
    "Dense again": lambda: layers.Dense(10**30)(np.ones((1, 4))),
    "Embedding": lambda: layers.Embedding(10**9, 10**6)(np.ones((1, 4))),
    "Conv2D": lambda: layers.Conv2D(10**12, 3)(np.ones((1, 8, 8, 3))),
    "LSTMCell": lambda: layers.LSTM(10**10)(np.ones((1, 4, 3))),
}


@pytest.mark.parametrize("name", HUGE)
def test_sizes_beyond_the_machine(name):
    with pytest.raises(MemoryError, match=rf"{name.split()[0]} '.*' asks for numbers of shape .* GiB, but this machine "
                                          r"has \d+. Fix: fewer"):
        HUGE[name]()


def test_sizes_in_a_text():
    config = json.loads(gpunn.Sequential([layers.Input((4,)), layers.Dense(3)]).to_json())
    config["config"]["layers"][1]["config"]["units"] = 10**12
    with pytest.raises(MemoryError, match="fewer units"):
        model_from_json(json.dumps(config))


@pytest.mark.parametrize("text", ["[]", "{}", "3", 3, None])
def test_texts_that_are_no_model(text):
    with pytest.raises(ValueError, match=r"expected the text that model.to_json\(\) gives, got"):
        model_from_json(text)


@pytest.mark.parametrize("labels, words", [
    ([-1, 0], "labels must be 0 to 0, but number 0 is -1. Fix: labels that begin at 0"), (["a"], "expected whole numb"),
    ([0, 1.5], "expected whole numbers, got float64 values such as 1.5. Fix"),
    ([None], "expected whole numbers, got object")])
def test_labels(labels, words):
    with pytest.raises(ValueError, match=words):
        utils.to_categorical(labels)


def test_folders_where_a_file_belongs(tmp_path):
    model = gpunn.Sequential([layers.Input((4,)), layers.Dense(3)])
    for save in (model.save, model.save_weights, callbacks.ModelCheckpoint):
        for path in (tmp_path, ""):
            with pytest.raises(IsADirectoryError, match="is a folder; expected"):
                save(path)
    assert not any(tmp_path.iterdir())


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path, monkeypatch):
    model = gpunn.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.save(tmp_path / "m")

    def full(*args):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: '.*/m'"):
        model.save(tmp_path / "m")
    monkeypatch.undo()
    assert load_model(tmp_path / "m").count_params() == 15 and len(list(tmp_path.iterdir())) == 1
