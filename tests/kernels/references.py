"""What references share: gradients by complex step, activations, data that float32 holds exactly."""

import numpy as np

STEP = 1e-30


def gradient(f, args: tuple, which: tuple, weights: tuple) -> tuple:
    """d(sum of weights * f(*args)) / d(args[i] for i in which), by single elements; f is analytic. The devices and
    dtypes of a case ask for the same."""
    key = f, which, *[(a.shape, a.tobytes()) if isinstance(a, np.ndarray) else a for a in (*args, *weights)]
    if key not in _known:
        _known[key] = tuple(_one(f, args, i, weights) for i in which)
    return _known[key]


_known: dict = {}


def _one(f, args, i, weights):
    result = np.zeros(args[i].shape)
    moved = list(args)
    for at in np.ndindex(result.shape):
        moved[i] = args[i].astype(complex)
        moved[i][at] += 1j * STEP
        values = f(*moved)
        values = values if isinstance(values, tuple) else (values,)
        result[at] = (
            sum((w * v.imag).sum() for w, v in zip(weights, values, strict=True) if w is not None) / STEP
        )
    return result


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def activated(name: str, x):
    return {
        "linear": lambda: x,
        "relu": lambda: np.where(x < 0, 0, x),
        "sigmoid": lambda: sigmoid(x),
        "tanh": lambda: np.tanh(x),
    }[name]()


def coarse(r: np.random.Generator, *shape: int):
    """Multiples of 1/64: the same number in every type."""
    return np.round(r.standard_normal(shape) * 64) / 64


def sixteenths(r: np.random.Generator, *shape: int):
    """The same number in every type, bfloat16 among them."""
    return np.round(r.standard_normal(shape) * 16) / 16


def rounded(x, bits: int):
    """The nearest numbers with so many bits of mantissa; a tie goes away from 0 as in TF32, in bfloat16 to even."""
    with np.errstate(all="ignore"):
        ulp = np.exp2(np.floor(np.log2(np.abs(np.where(x == 0, 1, x)))) - bits)
        near = np.rint(x / ulp) if bits == 7 else np.trunc(x / ulp + np.copysign(0.5, x))
        return np.where(np.isfinite(x), near * ulp, x)


def bfloat16(x):
    """float64 -> the nearest numbers of 16 bits, as the device keeps them: float32's upper half"""
    bits = np.float32(x).view(np.uint32).astype(np.int64)
    near = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(x), 0x7FC0, near).astype(np.uint16).view("V2")


def halves(x, dtype: str):
    """float64 -> float16 or bfloat16"""
    with np.errstate(over="ignore"):
        return np.float32(x).astype(np.float16) if dtype == "float16" else bfloat16(x)


def widened(x):
    """float16 or bfloat16 -> float64"""
    if x.dtype == np.float16:
        return x.astype(np.float64)
    return (np.array(x, order="C").view(np.uint16).astype(np.uint32) << 16).view(np.float32).astype(np.float64)
