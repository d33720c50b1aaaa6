"""Philox4x32-10 against its published vectors and a scalar writing of it; all to the bit."""

import numpy as np

from .harness import case

SIZES = (0, 1, 3, 4, 5, 31, 32, 33, 1023, 4097, 20001)
PI = 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0
KEY, CLOCK = np.array([0x12345678, 0x9ABCDEF0], np.uint32), np.array([41], np.uint32)


def block(counter, key):
    """Philox4x32-10 as in Salmon et al. 2011, in Python's whole numbers."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = right >> 32 ^ b ^ k, right % 2**32, left >> 32 ^ d ^ m, left % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return a, b, c, d


for counter, key, words in (
    ((0,) * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (PI[:4], PI[4:], "d16cfe09 94fdcceb 5001e420 24126ea1"),
):
    assert " ".join(f"{word:08x}" for word in block(counter, key)) == words


def bits(size, key=KEY, clock=CLOCK, stream=0):
    key = tuple(int(k) for k in key)
    words = [block((i, 0, stream, int(clock[0])), key) for i in range(-(-size // 4))]
    return np.array(words, np.uint32).reshape(-1)[:size]


def uniform(size, key, clock, stream):
    return (bits(size, key, clock, stream) >> np.uint32(8)).astype(np.float64) * 2.0**-24


def random_bits(key, clock, stream, out):
    return bits(out.size, key, clock, stream).reshape(out.shape)


case(
    "random_bits",
    lambda r: (np.zeros(2, np.uint32), np.zeros(1, np.uint32), 0, np.zeros(4, np.uint32)),
    lambda *a: np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], np.uint32),
    inplace=(3,),
    dtypes=("float32",),
    id="published",
)
for size in SIZES:
    case(
        "random_bits",
        lambda r, size=size: (KEY, CLOCK, 7, np.zeros(size, np.uint32)),
        random_bits,
        inplace=(3,),
        dtypes=("float32",),
        id=f"size-{size}",
    )
case(
    "random_bits",
    lambda r: (KEY, CLOCK, 2**31 - 1, np.zeros((3, 5, 7), np.uint32)),
    random_bits,
    inplace=(3,),
    dtypes=("float32",),
    id="3-d",
)
case(
    "random_bits",
    lambda r: (KEY, np.array([2**32 - 1], np.uint32), 0, np.zeros(9, np.uint32)),
    random_bits,
    inplace=(3,),
    dtypes=("float32",),
    id="last-clock",
)


def uniform_in(dtype):
    T = np.dtype(dtype).type

    def reference(key, clock, stream, low, high, out):
        u = uniform(out.size, key, clock, stream).astype(T)
        return (T(low) + T(high - low) * u).astype(float).reshape(out.shape)

    return reference


for dtype in ("float32", "float64"):
    for size in SIZES:
        case(
            "random_uniform",
            lambda r, size=size: (KEY, CLOCK, 3, 0.0, 1.0, np.zeros(size)),
            uniform_in(dtype),
            inplace=(5,),
            exact=True,
            dtypes=(dtype,),
            id=f"{dtype}-size-{size}",
        )
    for low, high in ((-0.05, 0.05), (-1.0, 1.0), (0.1, 0.3), (100.0, 1e3)):
        case(
            "random_uniform",
            lambda r, low=low, high=high: (KEY, CLOCK, 3, low, high, np.zeros((31, 33))),
            uniform_in(dtype),
            inplace=(5,),
            exact=True,
            dtypes=(dtype,),
            id=f"{dtype}-{low}-{high}",
        )


def dropout(x, rate, key, clock, stream):
    kept = uniform(x.size, key, clock, stream).astype(np.float32) >= np.float32(rate)
    return np.where(kept.reshape(x.shape), x * float(np.float32(1 / (1 - rate))), 0.0)


for size in SIZES:
    case(
        "dropout",
        lambda r, size=size: (r.normal(size=size), 0.5, KEY, CLOCK, 11),
        dropout,
        exact=True,
        id=f"size-{size}",
    )
for rate in (0.0, 0.1, 0.25, 0.9, 2.0**-24):
    case(
        "dropout",
        lambda r, rate=rate: (r.normal(size=(33, 31)), rate, KEY, CLOCK, 12),
        dropout,
        exact=True,
        id=f"rate-{rate}",
    )
case("dropout", lambda r: (np.full(33, np.nan), 0.5, KEY, CLOCK, 13), dropout, id="dropped-nan-is-0")
case("dropout", lambda r: (np.array(2.0), 0.25, KEY, CLOCK, 14), dropout, exact=True, id="0-d")
