"""TensorBoard's event files: records with checksums, and in them the few messages (protocol buffers) that we need."""
import os
import socket
import struct
import time
from itertools import count
from pathlib import Path

import numpy as np

FLOAT, DOUBLE, STRING = 1, 2, 7                 # TensorFlow's numbers of dtypes
SCALAR, TENSOR = 1, 2                           # and of kinds of data
TABLE = list(range(256))                        # CRC-32C of each byte
for _ in range(8):
    TABLE = [c >> 1 ^ (0x82F63B78 if c & 1 else 0) for c in TABLE]
_number = count()


def masked_crc(data: bytes) -> bytes:
    """CRC-32C, rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked_crc(length) + data + masked_crc(data)


def varint(n: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def message(*fields) -> bytes:
    """(number, value), ...: an int, a float (as 8 bytes), or text, bytes or an inner message."""
    def field(number, value):
        if isinstance(value, int):
            return varint(number << 3) + varint(value)
        if isinstance(value, float):
            return varint(number << 3 | 1) + struct.pack("<d", value)
        value = value.encode() if isinstance(value, str) else value
        return varint(number << 3 | 2) + varint(len(value)) + value
    return b"".join([field(*f) for f in fields])


class EventFile:
    """A new file in a folder; each method appends a value at a step, there for readers at once."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_number)}.v2"
        self.file = open(folder / name, "xb", buffering=0)
        self.file.write(record(message((1, time.time()), (3, "brain.Event:2"))))

    def add(self, tag: str, plugin: str, kind: int, dtype: int, shape, values: tuple, step: int, content: bytes = b""):
        """An event: time, step, summary of one tensor."""
        metadata = message((1, message((1, plugin), (2, content))), (4, kind))
        tensor = message((1, dtype), (2, b"".join(message((2, message((1, n)))) for n in shape)), values)
        summary = message((1, message((1, tag), (8, tensor), (9, metadata))))
        self.file.write(record(message((1, time.time()), (2, step), (5, summary))))

    def scalar(self, tag: str, value: float, step: int):
        self.add(tag, "scalars", SCALAR, FLOAT, (), (5, struct.pack("<f", value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int, bins: int = 30):
        """(left, right, how many) of each bin; what is not finite is left out."""
        values = values[np.isfinite(values)].astype(np.float64)
        low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
        edges = np.linspace(low, high, bins + 1)
        counts = np.histogram(values, edges)[0] if high > low else np.append(np.zeros(bins - 1), values.size)
        rows = np.stack([edges[:-1], edges[1:], counts], 1)
        self.add(tag, "histograms", TENSOR, DOUBLE, rows.shape, (4, rows.tobytes()), step)

    def model(self, description: str):
        """What the Graphs page draws: the model as Keras' JSON."""
        self.add("keras", "graph_keras_model", TENSOR, STRING, (), (8, description), 0, b"1")
