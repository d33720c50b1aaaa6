"""The CIFAR sets: 60,000 color images of 32x32, read from the binary version: a file that cannot run code."""
import tarfile
import zlib
from dataclasses import dataclass

import numpy as np

from .images import data_folders, keep

SITE = "https://www.cs.toronto.edu/~kriz/"
LIMIT = 200 << 20
PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class ColorSet:
    archive: str
    digest: str                     # SHA-256 of the archive
    folder: str                     # in the archive
    files: dict[str, int]           # file -> images; the last one is the test set
    labels: int                     # bytes before the pixels of an image


def load(images: ColorSet, label: int = 0):
    """`(x_train, y_train), (x_test, y_test)`: uint8 (n, 32, 32, 3) and (n, 1), found or fetched."""
    here = [folder / images.archive for folder in data_folders()]
    path = next((p for p in here if p.is_file()), None) or _download(images, here[0])
    try:
        with tarfile.open(path) as archive:
            parts = [_read(archive, f"{images.folder}/{name}", n, images.labels) for name, n in images.files.items()]
    except (tarfile.TarError, KeyError, ValueError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: {error}. If it is damaged, delete it and load the data again") from error
    return _split(np.concatenate(parts[:-1]), images, label), _split(parts[-1], images, label)


def _read(archive, name: str, n: int, labels: int) -> np.ndarray:
    """(n, labels + pixels): the file must be there, and of just this size."""
    member = archive.getmember(name)
    size = n * (labels + PIXELS)
    if not member.isfile() or member.size != size:
        raise ValueError(f"{name} holds {member.size} bytes, expected {size}")
    return np.frombuffer(archive.extractfile(member).read(), np.uint8).reshape(n, -1)


def _split(rows, images: ColorSet, label: int):
    x = rows[:, images.labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(x), rows[:, label:label + 1].copy()


def _download(images: ColorSet, target):
    try:
        keep(SITE + images.archive, target, images.digest, LIMIT)
    except OSError as error:
        raise FileNotFoundError(f"{images.archive} is not on this machine and could not be downloaded: {error}\nCopy "
                                f"by hand {SITE}{images.archive}\n  to {target}\n  SHA-256 {images.digest}") from error
    return target
