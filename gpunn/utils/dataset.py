"""Data sets from folders of files and from long series, and their parts. They are this library's own, whatever Keras'
argument `format` says."""
import os
from pathlib import Path

import numpy as np

from .. import ops
from ..backend import rng
from ..data.batched import Batches
from ..ops.window import channels_first
from ..tree import flatten, map_structure
from .arrays import to_categorical
from .image import decode

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, color_mode="rgb",
                                 batch_size=32, image_size=(256, 256), shuffle=True, seed=None, validation_split=None,
                                 subset=None, interpolation="bilinear", follow_links=False, crop_to_aspect_ratio=False,
                                 pad_to_aspect_ratio=False, data_format=None, format="tf", verbose=True):
    """Batches of images (n, h, w, c), float32 from 0 to 255, from one folder for each class."""
    def load(path):
        image = np.asarray(of_file(path, decode, color_mode), np.float32)
        return ops.image.resize(image, image_size, interpolation, crop_to_aspect_ratio=crop_to_aspect_ratio,
                                pad_to_aspect_ratio=pad_to_aspect_ratio, data_format="channels_last").numpy()

    def make(paths):
        images = np.stack([load(path) for path in paths])
        return images.transpose(0, 3, 1, 2) if first else images
    first = channels_first(data_format, "image_dataset_from_directory")
    files = _found(directory, labels, IMAGES, class_names, follow_links, verbose)
    return _labelled(make, *files, label_mode, batch_size, shuffle, seed, validation_split, subset)


def text_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, batch_size=32,
                                max_length=None, shuffle=True, seed=None, validation_split=None, subset=None,
                                follow_links=False, format="tf", verbose=True):
    """Batches of texts (n,) from .txt files, one folder for each class: `.map` a TextVectorization over them."""
    def make(paths):
        return np.array([of_file(path, _text)[:max_length] for path in paths])
    files = _found(directory, labels, (".txt",), class_names, follow_links, verbose)
    return _labelled(make, *files, label_mode, batch_size, shuffle, seed, validation_split, subset)


def of_file(path, decode, *options):
    """decode(bytes, ...) of a file, whose name stands in the error."""
    try:
        return decode(path.read_bytes(), *options)
    except (ValueError, ImportError) as error:
        raise type(error)(f"{path}: {error}") from None


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"this is no UTF-8 text: {error}") from None


def _found(directory, labels, endings, class_names, follow_links, verbose):
    """(paths, their labels or None, class names), in alphanumeric order."""
    inferred = labels == "inferred" if isinstance(labels, str) else False
    root = Path(directory)
    folders = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if class_names is not None and not (inferred and set(class_names) <= set(folders)):
        raise ValueError(f"{directory}: class_names must name folders that are there, with labels='inferred'; found "
                         f"{folders}, got {list(class_names)}")
    classes = list(class_names or folders) if inferred else [""]
    paths, numbers = [], []
    for number, name in enumerate(classes):
        for folder, files in sorted(_walk(root / name, follow_links)):
            chosen = [p for f in sorted(files) if f.lower().endswith(endings) and (p := Path(folder) / f).is_file()]
            paths += chosen
            numbers += [number] * len(chosen)
    if not paths:
        raise ValueError(f"{directory}: no files that end in {', '.join(endings)} found")
    if not inferred:
        classes = None if labels is None else [str(label) for label in sorted(set(labels))]
        numbers = labels
    if numbers is not None and len(numbers) != len(paths):
        raise ValueError(f"{directory}: expected one label for each of the {len(paths)} files, got {len(numbers)}")
    if verbose:
        print(f"Found {len(paths)} files" + (f" belonging to {len(classes)} classes." if classes else "."))
    return paths, numbers, classes


def _walk(root, follow_links):
    """(folder, file names), each folder once: links may lead in circles."""
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=follow_links):
        if (place := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(place)
        yield folder, files


def _labelled(make, paths, labels, classes, label_mode, batch_size, shuffle, seed, validation_split, subset):
    """The data set of these files, or the part `subset`, or both parts."""
    modes = ("int", "categorical", "binary", None)
    if label_mode not in modes or label_mode == "binary" and classes and len(classes) != 2:
        raise ValueError(f"label_mode must be one of {modes}, 'binary' for two classes; got {label_mode!r} for the "
                         f"classes {classes}")
    if (validation_split is None) != (subset is None) or subset not in (None, "training", "validation", "both"):
        raise ValueError("validation_split and subset ('training', 'validation' or 'both') must be given together, got "
                         f"{validation_split!r} and {subset!r}")
    if validation_split is not None and (not 0 < validation_split < 1 or shuffle and seed is None):
        raise ValueError("validation_split must lie in (0, 1), and where files are shuffled a seed must say which are "
                         f"whose; got {validation_split} and seed={seed}")
    y = None
    if label_mode is not None and labels is not None:
        y = np.asarray(labels, np.int32)
        y = to_categorical(y, len(classes)) if label_mode == "categorical" else y
        y = y.astype(np.float32)[:, None] if label_mode == "binary" else y

    def batch(numbers):
        x = make([paths[i] for i in numbers])
        return x if y is None else (x, y[numbers])
    seed, numbers = rng.next_seed() if seed is None else seed, np.arange(len(paths))
    if validation_split:
        numbers = rng.permutation(seed, 0, len(paths)) if shuffle else numbers
    at = len(paths) - int((validation_split or 0) * len(paths))
    parts = {None: numbers, "training": numbers[:at], "validation": numbers[at:]}
    chosen = [Batches(batch, parts[name], batch_size, shuffle, seed, class_names=classes,
                      file_paths=[str(paths[i]) for i in parts[name]])
              for name in (("training", "validation") if subset == "both" else (subset,))]
    return tuple(chosen) if subset == "both" else chosen[0]


def timeseries_dataset_from_array(data, targets, sequence_length, sequence_stride=1, sampling_rate=1, batch_size=128,
                                  shuffle=False, seed=None, start_index=None, end_index=None, format="tf"):
    """Windows (n, sequence_length, ...) over a series, each with the target at the number where it starts."""
    data = np.asarray(data)
    who, start, end = "timeseries_dataset_from_array", start_index or 0, len(data) if end_index is None else end_index
    if not 0 <= start < end <= len(data):
        raise ValueError(f"{who}: start_index and end_index must say a part of the {len(data)} steps, got "
                         f"{start_index} and {end_index}")
    if min(sequence_length, sequence_stride, sampling_rate) < 1:
        raise ValueError(f"{who}: sequence_length, sequence_stride and sampling_rate must be 1 or more")
    data, steps = data[start:end], np.arange(sequence_length) * sampling_rate
    count = len(data) - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)[start:end]
        count = min(count, len(targets))

    def make(starts):
        x = data[starts[:, None] + steps]
        return x if targets is None else (x, targets[starts])
    return Batches(make, np.arange(0, max(count, 0), sequence_stride), batch_size, shuffle, seed)


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """Two parts of arrays (nested in lists, tuples, dicts), or of a data set of this library. Sizes: shares, or
    numbers of samples."""
    whole = isinstance(dataset, Batches)
    lengths = {len(dataset.numbers)} if whole else {len(a) for a in flatten(dataset)}
    n = lengths.pop()
    left, right = (None if s is None else round(s * n) if isinstance(s, float) else s for s in (left_size, right_size))
    left = n - (right or 0) if left is None else left
    right = n - left if right is None else right
    if lengths or left < 1 or right < 1 or left + right > n:
        raise ValueError(f"split_dataset: {n} samples (of every array) cannot be split at left_size={left_size} and "
                         f"right_size={right_size}: both parts must hold some, together no more than there are")
    order = rng.permutation(rng.next_seed() if seed is None else seed, 0, n) if shuffle else np.arange(n)
    parts = order[:left], order[n - right:]
    if whole:
        return tuple(dataset.part(dataset.numbers[part]) for part in parts)
    return tuple(map_structure(lambda a, part=part: np.asarray(a)[part], dataset) for part in parts)
