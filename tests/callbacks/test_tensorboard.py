"""Event files, read by a small reader of its own: frames, bit by bit checksums, protocol buffers."""
import struct

import numpy as np
import pytest

import gpunn
from gpunn import callbacks, layers
from gpunn.callbacks.event_file import EventFile, masked_crc


def crc32c(data: bytes) -> int:
    """By definition: the remainder of polynomial division over GF(2), bits reflected."""
    remainder = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (remainder ^ byte >> bit) & 1
            remainder = remainder >> 1 ^ 0x82F63B78 * carry
    return remainder ^ 0xFFFFFFFF


def unmasked(crc: int) -> int:
    rotated = (crc - 0xA282EAD8) % 2 ** 32
    return (rotated >> 17 | rotated << 15) % 2 ** 32


def records(path):
    raw, at = path.read_bytes(), 0
    while at < len(raw):
        length, crc = struct.unpack("<QI", raw[at:at + 12])
        data, (data_crc,) = raw[at + 12:at + 12 + length], struct.unpack("<I", raw[at + 12 + length:at + 16 + length])
        assert unmasked(crc) == crc32c(raw[at:at + 8]) and unmasked(data_crc) == crc32c(data)
        yield data
        at += 16 + length


def fields(data: bytes) -> dict:
    """number -> list of values: ints, or bytes."""
    found, at = {}, 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return n
    while at < len(data):
        key = varint()
        size = {0: lambda: None, 1: lambda: 8, 2: varint}[key & 7]()
        value = varint() if size is None else data[at:at + size]
        at += size or 0
        found.setdefault(key >> 3, []).append(value)
    return found


def values(path):
    """(tag, plugin, step, array or text)"""
    first, *events = map(fields, records(path))
    assert first[3] == [b"brain.Event:2"]
    for event in events:
        value = fields(fields(event[5][0])[1][0])
        tensor, metadata = fields(value[8][0]), fields(value[9][0])
        shape = [fields(d)[1][0] for d in fields(tensor.get(2, [b""])[0]).get(2, [])]
        kind, content = tensor[1][0], {1: 5, 2: 4, 7: 8}[tensor[1][0]]
        data = tensor[content][0]
        array = data.decode() if kind == 7 else np.frombuffer(data, {1: "<f4", 2: "<f8"}[kind]).reshape(shape)
        yield value[1][0].decode(), fields(metadata[1][0])[1][0].decode(), event[2][0], array


def trained(folder, **options):
    gpunn.set_seed(0)
    m = gpunn.Sequential([layers.Input((4,)), layers.Dense(3, name="first")])
    m.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    history = m.fit(x, x[:, :3], batch_size=5, epochs=3, verbose=0, validation_split=0.5,
                    callbacks=[callbacks.TensorBoard(folder, **options)])
    return m, history.history


def read(folder):
    (path,) = folder.iterdir()
    found = {}
    for tag, plugin, step, array in values(path):
        found.setdefault((plugin, tag), []).append((step, array))
    return found


def curve(found, tag):
    return [(step, float(value)) for step, value in found["scalars", tag]]


def test_curves_of_a_training(tmp_path):
    _, history = trained(tmp_path)
    train, held_out = read(tmp_path / "train"), read(tmp_path / "validation")
    assert {tag for _, tag in train} - {"keras"} == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    assert curve(train, "epoch_mae") == list(enumerate(history["mae"]))
    assert curve(held_out, "epoch_loss") == list(enumerate(history["val_loss"]))
    assert curve(held_out, "evaluation_loss_vs_iterations") == list(zip((4, 8, 12), history["val_loss"]))
    assert curve(train, "epoch_learning_rate") == [(i, float(np.float32(0.01))) for i in range(3)]


def test_batches_speeds_and_weights(tmp_path):
    model, history = trained(tmp_path, update_freq=2, histogram_freq=2, write_steps_per_second=True)
    train = read(tmp_path / "train")
    losses = curve(train, "batch_loss")
    assert [step for step, _ in losses] == [2, 4, 6, 8, 10, 12] and losses[1][1] == history["loss"][0]
    assert all(value > 0 for tag in ("batch_steps_per_second", "epoch_steps_per_second")
               for _, value in curve(train, tag))
    (first, _), (last, rows) = train["histograms", f"{model.weights[0].path}/histogram"]
    weights = model.get_weights()[0].astype("float64")
    counts, edges = np.histogram(weights, 30)
    assert (first, last) == (0, 2) and rows.shape == (30, 3)
    np.testing.assert_allclose(rows, np.stack([edges[:-1], edges[1:], counts], 1), rtol=1e-12)


@pytest.mark.parametrize("data, total", [([2.0] * 5, 5), ([], 0), ([np.nan, 1.0, np.inf], 1)])
def test_histograms_of_little(tmp_path, data, total):
    file = EventFile(tmp_path)
    file.histogram("h", np.array(data, np.float32), 7)
    file.file.close()
    ((_, _, step, rows),) = values(next(tmp_path.iterdir()))
    assert step == 7 and rows[:, 2].sum() == total and np.isfinite(rows).all()


def test_the_known_checksum():
    """CRC-32C of "123456789" is 0xE3069283, as in the RFC of iSCSI."""
    assert crc32c(b"123456789") == 0xE3069283 == unmasked(*struct.unpack("<I", masked_crc(b"123456789")))
