"""Sets of 70,000 images: found where Keras, torchvision or the user keep them, else fetched and verified."""
import gzip
import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpunn.storage.atomic import replacing
from gpunn.storage.download import fetch

SITE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
LIMIT = 64 << 20
# name in the npz -> (idx file, shape)
PARTS = {
    "x_train": ("train-images-idx3-ubyte", (60000, 28, 28)),
    "y_train": ("train-labels-idx1-ubyte", (60000,)),
    "x_test": ("t10k-images-idx3-ubyte", (10000, 28, 28)),
    "y_test": ("t10k-labels-idx1-ubyte", (10000,)),
}


@dataclass(frozen=True)
class ImageSet:
    title: str
    archive: str                    # the npz that holds all four arrays
    folders: tuple[str, ...]        # where the four idx files lie, under a data folder
    downloads: dict[str, str]       # file -> SHA-256, of the content where the file is packed (.gz)
    instead: str                    # what to use without a network


def load(images: ImageSet, path: str):
    return find(images, path) or _download(images, path)


def find(images: ImageSet, path: str):
    """The first complete copy on this machine, or None."""
    for folder in data_folders():
        if (folder / path).is_file():
            return _nested(_read_npz(folder / path))
        for sub in images.folders:
            files = [_plain_or_packed(folder / sub / name) for name, _ in PARTS.values()]
            if all(files):
                return _nested({key: _read_idx(file, PARTS[key][1]) for key, file in zip(PARTS, files)})
    return None


def data_folders() -> list[Path]:
    """In the order of the search; downloads go to the first."""
    keras = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"
    chosen = os.environ.get("GPUNN_DATA")
    return [*([Path(chosen).expanduser()] if chosen else []), keras, Path("data")]


def _nested(parts: dict):
    return (parts["x_train"], parts["y_train"]), (parts["x_test"], parts["y_test"])


def _plain_or_packed(path: Path) -> Path | None:
    return next((file for file in (path, path.with_name(path.name + ".gz")) if file.is_file()), None)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Only the four arrays that must be there, of just their size: nothing else is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {key: _read_npy(archive, f"{key}.npy", shape) for key, (_, shape) in PARTS.items()}
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, RuntimeError, zlib.error) as error:
        raise ValueError(f"{path}: expected an npz with {', '.join(PARTS)}; got: {error}. "
                         "If it is damaged, delete it and load the data again") from error


def _read_npy(archive, name: str, shape: tuple) -> np.ndarray:
    with archive.open(name) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{name} is not in version 1.0 of the npy format")
        header = np.lib.format.read_array_header_1_0(file)
        if header != (shape, False, np.dtype("uint8")):
            raise ValueError(f"{name} is {header[2]} of shape {header[0]}, expected uint8 of {shape}")
        return _array(file.read(int(np.prod(shape)) + 1), shape, name)


def _read_idx(path: Path, shape: tuple) -> np.ndarray:
    """0 0 8 rank, the sizes in big-endian, then the bytes; the file may be packed."""
    header = idx_header(shape)
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            if file.read(len(header)) != header:
                raise ValueError(f"it is not an idx file of uint8 with shape {shape}")
            return _array(file.read(int(np.prod(shape)) + 1), shape, path.name)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: {error}. If it is damaged, delete it and load the data again") from error


def idx_header(shape: tuple) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)


def _array(raw: bytes, shape: tuple, name: str) -> np.ndarray:
    if len(raw) != np.prod(shape):
        raise ValueError(f"{name} holds {'too many' if len(raw) > np.prod(shape) else len(raw)} bytes, "
                         f"expected {np.prod(shape)}")
    return np.frombuffer(raw, np.uint8).reshape(shape).copy()


def _download(images: ImageSet, path: str):
    """Every file is checked before it gets its name."""
    for name, digest in images.downloads.items():
        try:
            keep(SITE + name, _target(images, path, name), digest, LIMIT)
        except (OSError, EOFError, zlib.error) as error:
            raise FileNotFoundError(_where_to_put(images, path, error)) from None     # it quotes the error
    return find(images, path)


def keep(url: str, target: Path, digest: str, limit: int):
    """Fetch a file; the digest of an idx file is that of its content."""
    raw = content = fetch(url, limit)
    if url.endswith("ubyte.gz"):
        content = zlib.decompressobj(wbits=31).decompress(raw, limit)
    if (found := hashlib.sha256(content).hexdigest()) != digest:
        raise OSError(f"{target.name} came with SHA-256 {found}, expected {digest}; it was not kept")
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as file:
        file.write(raw)


def _target(images: ImageSet, path: str, name: str) -> Path:
    return data_folders()[0] / (path if name == images.archive else f"{images.folders[0]}/{name}")


def _where_to_put(images: ImageSet, path: str, error) -> str:
    files = "\n".join(f"  {SITE}{name}\n    to {_target(images, path, name)}\n    SHA-256 {digest}"
                      f"{' (unpacked)' if name.endswith('.gz') else ''}" for name, digest in images.downloads.items())
    return (f"{images.title} is not on this machine and could not be downloaded: {error}\n"
            f"Looked in {', '.join(map(str, data_folders()))} (set GPUNN_DATA to look elsewhere).\n"
            f"Copy by hand:\n{files}\n"
            f"or put torchvision's four idx files into {data_folders()[0] / images.folders[-1]}.\n"
            f"Built in, without any download: {images.instead}")
