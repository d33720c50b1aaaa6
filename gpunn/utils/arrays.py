"""Labels, rows and sequences as arrays."""
import numpy as np

from .._names import one_of


def to_categorical(x, num_classes: int | None = None) -> np.ndarray:
    """Integer labels as one-hot rows: (n,) or (n, 1) -> (n, classes)"""
    labels = np.asarray(x)
    wrong = labels[labels % 1 != 0] if labels.dtype.kind in "iubf" else labels
    if wrong.size:
        raise ValueError(f"to_categorical: expected whole numbers, got {labels.dtype} values such as "
                         f"{wrong.item(0)!r}. Fix: np.unique(labels, return_inverse=True)[1]")
    labels = labels.astype(np.int64)
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    labels = labels.reshape(-1)
    classes = num_classes or (int(labels.max()) + 1 if labels.size else 0)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        at = int(np.argmax((labels < 0) | (labels >= classes)))
        fix = f"num_classes={labels.max() + 1}" if labels[at] >= 0 else "labels that begin at 0"
        raise ValueError(f"to_categorical: labels must be 0 to {max(classes, 1) - 1}, but number {at} is {labels[at]}. "
                         f"Fix: {fix}")
    rows = np.zeros((labels.size, classes), np.float32)
    rows[np.arange(labels.size), labels] = 1
    return rows.reshape(*shape, classes)


def normalize(x, axis: int = -1, order: int = 2) -> np.ndarray:
    """Divide by the norm along an axis; zeros stay zeros."""
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis, keepdims=True))
    norm[norm == 0] = 1
    return x / norm


def pad_sequences(sequences, maxlen: int | None = None, dtype="int32", padding="pre", truncating="pre",
                  value=0.0) -> np.ndarray:
    """Lists of different lengths -> (n, maxlen, ...), cut and filled up at the front ("pre") or the back ("post")."""
    for name, where in (("padding", padding), ("truncating", truncating)):
        one_of("pad_sequences", name, where, ("pre", "post"))
    if not all(hasattr(s, "__len__") for s in sequences):
        raise ValueError(f"pad_sequences: expected a list of lists, got {str(sequences)[:40]}. Fix: [[1, 2], [3]]")
    lengths = [len(s) for s in sequences]
    maxlen = max(lengths, default=0) if maxlen is None else maxlen
    sample = next((np.shape(s)[1:] for s in sequences if len(s)), ())
    rows = np.full((len(lengths), maxlen, *sample), value, dtype)
    for row, s in zip(rows, sequences, strict=True):
        kept = np.asarray(s[-maxlen:] if truncating == "pre" else s[:maxlen], dtype) if maxlen else s[:0]
        if len(kept) and padding == "pre":
            row[-len(kept):] = kept
        elif len(kept):
            row[:len(kept)] = kept
    return rows
