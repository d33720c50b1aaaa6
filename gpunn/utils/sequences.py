import numpy as np

from .._names import one_of


def pad_sequences(sequences, maxlen: int | None = None, dtype="int32", padding="pre", truncating="pre",
                  value=0.0) -> np.ndarray:
    """Lists of different lengths -> (n, maxlen, ...), cut and filled up at the front ("pre") or the back ("post")."""
    for name, where in (("padding", padding), ("truncating", truncating)):
        one_of("pad_sequences", name, where, ("pre", "post"))
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
