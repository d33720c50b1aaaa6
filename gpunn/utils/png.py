"""PNG files of 8 bits a sample, read and written by NumPy and zlib alone; what is broken or too large is refused."""
import struct
import zlib

import numpy as np

MAGIC = b"\x89PNG\r\n\x1a\n"
MOST = 1 << 28                                      # bytes of an image
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}           # of a color type: gray, RGB, palette, gray + alpha, RGBA


def read(raw: bytes) -> np.ndarray:
    """The file's bytes -> (h, w, 1 to 4) uint8"""
    try:
        return _read(raw)
    except (struct.error, zlib.error, KeyError, IndexError) as error:
        raise ValueError(f"this PNG file is broken: {error!r}") from error


def _read(raw: bytes) -> np.ndarray:
    parts = _chunks(raw)
    width, height, depth, kind, packing, filtering, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    if kind not in CHANNELS or depth != 8 or packing or filtering or interlaced:
        raise ValueError(f"only PNG files of 8 bits a sample that are not interlaced can be read, got {depth} bits, "
                         f"color type {kind}, interlaced {interlaced}. Fix: pip install pillow")
    channels = CHANNELS[kind]
    row = width * channels
    size = height * (row + 1)
    if not (width and height and size <= MOST):
        raise ValueError(f"a PNG of {width} x {height} is refused: expected 1 to {MOST} bytes")
    data = zlib.decompressobj().decompress(parts[b"IDAT"], size)
    if len(data) != size:
        raise ValueError(f"this PNG file is broken: {len(data)} bytes of pixels, expected {size}")
    lines = np.frombuffer(data, np.uint8).reshape(height, row + 1)
    pixels = _unfiltered(lines, channels).reshape(height, width, channels)
    return pixels if kind != 3 else _palette(parts)[pixels[..., 0]]


def _chunks(raw: bytes) -> dict:
    """The parts that matter, checked; those of one kind joined."""
    if not raw.startswith(MAGIC):
        raise ValueError("this is not a PNG file")
    found, at, kind = {}, len(MAGIC), b""
    while kind != b"IEND":
        n, kind = struct.unpack_from(">I4s", raw, at)
        data = raw[at + 8:at + 8 + n]
        if struct.unpack_from(">I", raw, at + 8 + n)[0] != zlib.crc32(kind + data):
            raise ValueError(f"this PNG file is broken: wrong checksum of {kind!r}")
        found.setdefault(kind, []).append(data)
        at += n + 12
    return {kind: b"".join(found[kind]) for kind in (b"IHDR", b"IDAT", b"PLTE", b"tRNS") if kind in found}


def _palette(parts: dict) -> np.ndarray:
    """(256, 3 or 4); places that the file does not name are black"""
    colors, alpha = (np.frombuffer(parts.get(kind, b""), np.uint8) for kind in (b"PLTE", b"tRNS"))
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    known = min(len(colors) // 3, 256)
    table[:known, :3] = colors[:3 * known].reshape(-1, 3)
    table[:len(alpha), 3] = alpha[:256]
    return table if alpha.size else table[:, :3]


def _unfiltered(lines: np.ndarray, step: int) -> np.ndarray:
    """Each line holds differences to its left (1), above (2), their mean (3) or the nearest neighbour (4)."""
    out = np.zeros((len(lines) + 1, lines.shape[1] - 1), np.uint8)          # a line of zeros first
    for i, line in enumerate(lines):
        how, x, above = line[0], line[1:], out[i]
        if how == 0:
            out[i + 1] = x
        elif how == 1:
            out[i + 1] = np.add.accumulate(x.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
        elif how == 2:
            out[i + 1] = x + above
        elif how in (3, 4):
            out[i + 1] = np.frombuffer(_along(x.tobytes(), above.tobytes(), step, _mean if how == 3 else _paeth),
                                       np.uint8)
        else:
            raise ValueError(f"this PNG file is broken: filter {how}")
    return out[1:]


def _along(x: bytes, above: bytes, step: int, predicted) -> bytes:
    """A line whose filter needs the sample before."""
    line = bytearray(step) + x
    above = bytes(step) + above
    for i in range(step, len(line)):
        line[i] = line[i] + predicted(line[i - step], above[i], above[i - step]) & 255
    return bytes(line[step:])


def _mean(left: int, up: int, corner: int) -> int:
    return left + up >> 1


def _paeth(left: int, up: int, corner: int) -> int:
    a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return left if a <= b and a <= c else up if b <= c else corner


def write(pixels: np.ndarray) -> bytes:
    """(h, w, 1, 3 or 4) uint8 -> the file's bytes"""
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    lines = np.zeros((height, 1 + width * channels), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
             (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return MAGIC + b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
                            for name, data in parts)
