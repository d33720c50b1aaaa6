"""Images in files: what is written is read again, every filter and color type, and what is refused."""
import io
import struct
import sys
import types
import zlib
from itertools import count

import numpy as np
import pytest

from gpunn import _config, preprocessing, utils
from gpunn.utils import image, png

R = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def without_pillow(monkeypatch):
    monkeypatch.setattr(image, "pillow", lambda: None)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed(lines, width, height, kind, *more, depth=8, interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    parts = chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return png.MAGIC + b"".join(parts)


def filtered(pixels, how):
    """Lines of differences, straight from the format's definition."""
    h, w, c = pixels.shape
    out, zero = b"", np.zeros(c, int)
    for i in range(h):
        out += bytes([how])
        for j in range(w):
            a = pixels[i, j - 1].astype(int) if j else zero
            b = pixels[i - 1, j].astype(int) if i else zero
            corner = pixels[i - 1, j - 1].astype(int) if i and j else zero
            near = np.abs(np.stack([b - corner, a - corner, a + b - 2 * corner]))
            paeth = np.choose(near.argmin(0), [a, b, corner])
            out += bytes(((pixels[i, j] - [zero, a, b, (a + b) // 2, paeth][how]) % 256).astype(np.uint8))
    return out


@pytest.mark.parametrize("how", range(5))
@pytest.mark.parametrize("kind, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_filters_and_color_types(how, kind, channels):
    pixels = R.integers(0, 256, (5, 7, channels)).astype(np.uint8)
    np.testing.assert_array_equal(png.read(packed(filtered(pixels, how), 7, 5, kind)), pixels)


def test_palettes():
    colors, ids = R.integers(0, 256, (3, 3)).astype(np.uint8), np.array([[0, 1], [2, 200]], np.uint8)[..., None]
    raw = packed(filtered(ids, 0), 2, 2, 3, chunk(b"PLTE", colors.tobytes()))
    table = np.vstack([colors, [[0, 0, 0]]])
    np.testing.assert_array_equal(png.read(raw), table[[[0, 1], [2, 3]]])
    raw = packed(filtered(ids, 0), 2, 2, 3, chunk(b"PLTE", colors.tobytes()), chunk(b"tRNS", bytes([5, 9])))
    np.testing.assert_array_equal(png.read(raw)[..., 3], [[5, 9], [255, 255]])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_written_and_read(tmp_path, channels):
    x = R.integers(0, 256, (6, 5, channels)).astype(np.uint8)
    utils.save_img(tmp_path / "a.png", x, scale=False)
    mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
    np.testing.assert_array_equal(utils.load_img(tmp_path / "a.png", mode), x)
    file = io.BytesIO()
    utils.save_img(file, x.transpose(2, 0, 1) / 255, "channels_first", "png")
    file.seek(0)
    stretched = (x - x.min().astype(float)) * 255 / (float(x.max()) - x.min())
    assert np.abs(utils.load_img(file, mode) - stretched).max() <= 1


def test_colors_are_converted():
    rgb = R.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    raw = png.write(rgb)
    gray = image.decode(raw, "grayscale")
    assert gray.shape == (4, 5, 1) and np.abs(gray[..., 0] - rgb @ [0.299, 0.587, 0.114]).max() <= 1
    assert image.decode(raw, "rgba")[..., 3].min() == 255
    np.testing.assert_array_equal(image.decode(png.write(gray), "rgb"), np.repeat(gray, 3, -1))
    both = packed(filtered(np.concatenate([gray, gray // 2], -1), 0), 5, 4, 4)
    np.testing.assert_array_equal(image.decode(both, "rgba")[..., 3], gray[..., 0] // 2)
    np.testing.assert_array_equal(image.decode(both, "grayscale"), gray)


def test_sizes_and_arrays(tmp_path):
    x = np.arange(32, dtype=np.uint8).reshape(8, 4, 1)
    utils.save_img(tmp_path / "a.png", x, scale=False)
    np.testing.assert_array_equal(utils.load_img(tmp_path / "a.png", "grayscale", (4, 2)), x[1::2, 1::2])
    assert utils.load_img(str(tmp_path / "a.png"), target_size=(3, 3), interpolation="bilinear",
                          keep_aspect_ratio=True).shape == (3, 3, 3)
    assert utils.img_to_array(x[..., 0]).shape == (8, 4, 1) and utils.img_to_array(x).dtype == np.float32
    assert preprocessing.image.img_to_array(x, "channels_first").shape == (1, 8, 4)
    assert preprocessing.image.smart_resize(x.astype("float32"), (2, 2)).shape == (2, 2, 1)
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences


GRAY = packed(filtered(np.zeros((2, 2, 1), np.uint8), 0), 2, 2, 0)
SMALL = bytes([0, 1, 2] * 2)


@pytest.mark.parametrize("raw, words", [
    (b"GIF89a", "this is not a PNG file"),
    (GRAY[:-1], "broken: error"),
    (GRAY[:30], "broken: error"),
    (GRAY[:40] + bytes([GRAY[40] ^ 1]) + GRAY[41:], "wrong checksum of"),
    (packed(SMALL, 2, 2, 0, depth=16), "only PNG files of 8 bits .* got 16 bits.*pip install pillow"),
    (packed(SMALL, 2, 2, 0, interlaced=1), "interlaced 1"),
    (packed(SMALL, 2, 2, 5), "color type 5"),
    (packed(SMALL, 1 << 31, 1 << 31, 0), "is refused: expected 1 to"),
    (packed(SMALL, 0, 2, 0), "a PNG of 0 x 2 is refused"),
    (packed(SMALL[:4], 2, 2, 0), "4 bytes of pixels, expected 6"),
    (packed(bytes([9, 1, 2] * 2), 2, 2, 0), "filter 9"),
    (png.MAGIC + chunk(b"IEND", b""), "broken: KeyError"),
    (png.MAGIC + chunk(b"IHDR", b"12") + chunk(b"IEND", b""), "broken: error"),
    (packed(b"", 2, 2, 0), "0 bytes of pixels, expected 6"),
], ids=count())
def test_hostile_files_are_refused(raw, words):
    with pytest.raises(ValueError, match=words):
        png.read(raw)


def test_a_bomb_is_not_unpacked():
    """A hundred megabytes of zeros for an image of 2 x 2: no more than that is unpacked."""
    packer = zlib.compressobj()
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))
    raw = png.MAGIC + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    assert png.read(raw).shape == (2, 2, 1)


def test_says_what_needs_pillow(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    for call in (lambda: utils.load_img(tmp_path / "a.jpg"), lambda: utils.array_to_img(np.zeros((2, 2, 3))),
                 lambda: utils.save_img(tmp_path / "b.jpg", np.zeros((2, 2, 3)))):
        with pytest.raises(ImportError, match="pip install pillow"):
            call()
    for call, words in ((lambda: image.decode(GRAY, "cmyk"), "color_mode must be"),
                        (lambda: utils.img_to_array(np.zeros(3)), r"the image must be of shape \(h, w\)"),
                        (lambda: utils.save_img(tmp_path / "a.png", np.zeros((2, 2, 2))), "1, 3 or 4 channels")):
        with pytest.raises(ValueError, match=words):
            call()


def test_with_pillow_images_are_its_own(monkeypatch, tmp_path):
    class Picture(np.ndarray):
        mode = "RGB"

        def convert(self, mode):
            return self if mode == "RGB" else self[..., 0]

        def save(self, path, format):
            path.write_bytes(format.encode())
    made = types.SimpleNamespace(open=lambda file: np.full((2, 3, 3), len(file.read()), np.uint8).view(Picture),
                                 fromarray=lambda x: x.view(Picture))
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "PIL", types.SimpleNamespace(Image=made))
    (tmp_path / "a.jpg").write_bytes(b"12345")
    loaded = utils.load_img(tmp_path / "a.jpg")
    assert type(loaded) is Picture and utils.img_to_array(loaded).tolist() == np.full((2, 3, 3), 5.0).tolist()
    assert image.decode(b"1234567", "grayscale").shape == (2, 3, 1)
    utils.save_img(tmp_path / "b.jpg", np.zeros((2, 2, 4)))
    assert (tmp_path / "b.jpg").read_bytes() == b"jpeg"


def test_the_configured_data_format_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setitem(_config._set, "image_data_format", "channels_first")
    pixels = R.integers(0, 256, (3, 5, 6)).astype(np.uint8)
    utils.save_img(tmp_path / "x.png", pixels, scale=False)
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(tmp_path / "x.png")), pixels)
    for name in "ab":
        (tmp_path / "d" / name).mkdir(parents=True)
        utils.save_img(tmp_path / "d" / name / "x.png", pixels, scale=False)
    x, y = utils.image_dataset_from_directory(tmp_path / "d", image_size=(5, 6), verbose=False)[0]
    np.testing.assert_array_equal(x, [pixels, pixels])
    assert sorted(y) == [0, 1] and utils.load_img(tmp_path / "x.png", target_size=(4, 3)).shape == (4, 3, 3)
