"""Functions of one array: values in float64, slopes by the complex step, and where naive formulas fail."""

import math

import numpy as np

from .harness import case

STEP = 1e-100
EXACT = {"float32": 1e-6, "float64": 4e-15}  # a few last places
SUMS = {"float32": 1e-6, "float64": 2e-15}  # of a difference of terms near 1
NEAR = {"float32": 4e-6, "float64": 1e-13}  # slopes are given y, and differences of it


def real_erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)


def erf(z):
    slope = 2 / math.sqrt(math.pi) * np.exp(-(z.real**2))
    return real_erf(z.real) + 1j * z.imag * slope if np.iscomplexobj(z) else real_erf(z)


def cdf(z):
    """(1 + erf) / 2 without the loss of digits on the left"""
    tail = np.vectorize(math.erfc, otypes=[float])(-z.real / math.sqrt(2)) / 2
    return (
        tail + 1j * z.imag * np.exp(-(z.real**2) / 2) / math.sqrt(2 * math.pi) if np.iscomplexobj(z) else tail
    )


def sigmoid(z):
    return np.where(z.real < 0, np.exp(z) / (1 + np.exp(z)), 1 / (1 + np.exp(-z)))


def softplus(z):
    return np.where(z.real < 0, np.log1p(np.exp(z)), z + np.log1p(np.exp(-z)))


def abs_(z):
    return np.where(z.real < 0, -z, z)


def clip(z, low, high):
    return np.where(z.real < low, low, np.where(z.real > high, high, z))


def ramp(z, low, high):     # flat at its ends, too
    return np.where((z.real > low) & (z.real < high), z, clip(z.real, low, high))


def tanh_gelu(z):
    return z * sigmoid(2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))


def elu(z, alpha, scale=1.0):
    return scale * np.where(z.real > 0, z, alpha * np.expm1(z))


# name: (function of real or complex x, lowest, highest x)
SMOOTH = {
    "exp": (np.exp, -80, 80),
    "exponential": (np.exp, -80, 80),
    "expm1": (np.expm1, -80, 80),
    "log": (np.log, 1e-30, 1e30),
    "log1p": (np.log1p, -0.99, 50),
    "log2": (lambda z: np.log(z) / math.log(2), 1e-3, 1e3),
    "log10": (lambda z: np.log(z) / math.log(10), 1e-3, 1e3),
    "sqrt": (np.sqrt, 1e-30, 1e30),
    "rsqrt": (lambda z: z**-0.5, 1e-6, 1e6),
    "square": (lambda z: z * z, -1e3, 1e3),
    "reciprocal": (lambda z: 1 / z, 1e-3, 1e3),
    "negative": (lambda z: -z, -9, 9),
    "sin": (np.sin, -20, 20),
    "cos": (np.cos, -20, 20),
    "tan": (np.tan, -1.5, 1.5),
    "arcsin": (np.arcsin, -0.99, 0.99),
    "arccos": (np.arccos, -0.99, 0.99),
    "arctan": (np.arctan, -20, 20),
    "sinh": (np.sinh, -20, 20),
    "cosh": (np.cosh, -20, 20),
    "tanh": (np.tanh, -9, 9),
    "arcsinh": (np.arcsinh, -100, 100),
    "arccosh": (np.arccosh, 1.01, 100),
    "arctanh": (np.arctanh, -0.99, 0.99),
    "erf": (erf, -4, 4),
    "sigmoid": (sigmoid, -30, 30),
    "log_sigmoid": (lambda z: -softplus(-z), -30, 30),
    "abs": (abs_, -9, 9),
    "relu": (lambda z: np.where(z.real > 0, z, 0), -9, 9),
    "relu6": (lambda z: ramp(z, 0, 6), -9, 9),
    "selu": (lambda z: elu(z, 1.6732632423543772, 1.0507009873554805), -20, 20),
    "silu": (lambda z: z * sigmoid(z), -30, 30),
    "mish": (lambda z: z * np.tanh(softplus(z)), -20, 20),
    "softplus": (softplus, -30, 30),
    "softsign": (lambda z: z / (1 + abs_(z)), -50, 50),
    "hard_sigmoid": (lambda z: ramp(z / 6 + 0.5, 0, 1), -9, 9),
    "hard_silu": (lambda z: z * ramp(z / 6 + 0.5, 0, 1), -9, 9),
    "gelu": (lambda z: z * cdf(z), -9, 9),
}
STEPS = {
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "binary_step": lambda x: np.where(x > 0, 1.0, 0.0),
    "logical_not": np.logical_not,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
}
# with parameters: id, name, function, alpha, beta, lowest, highest
SHAPED = [
    ("leaky_relu", lambda z, a, b: np.where(z.real > 0, z, a * z), 0.3, 0.0, -9, 9),
    ("elu", lambda z, a, b: elu(z, a), 1.5, 0.0, -20, 20),
    ("celu", lambda z, a, b: np.where(z.real > 0, z, a * np.expm1(z / a)), 0.7, 0.0, -20, 20),
    ("gelu", lambda z, a, b: tanh_gelu(z), 1.0, 0.0, -9, 9),
    ("clip", lambda z, a, b: clip(z, a, b), -1.5, 2.5, -9, 9),
    ("power", lambda z, a, b: z**a, 2.5, 0.0, 1e-2, 1e2),
    ("power", lambda z, a, b: z ** int(a), 3.0, 0.0, -1e2, 1e2),
    ("power", lambda z, a, b: z**a, -0.5, 0.0, 1e-2, 1e2),
]


def values(r, low, high, size=1023):
    """Numbers that float32 can hold, of all magnitudes where the range is wide."""
    x = np.exp(r.uniform(math.log(low), math.log(high), size)) if low > 0 else r.uniform(low, high, size)
    x[::5] *= 1e-3 if low <= 0 else 1
    return np.float32(x).astype(float)


def quiet(f):
    def g(*args, **options):
        with np.errstate(all="ignore"):
            return f(*args, **options)

    return g


def slope(f, x, *parameters):
    return np.imag(f(x + 1j * STEP, *parameters)) / STEP


def unary_case(name, f, low, high, alpha=None, beta=None):
    parameters = () if alpha is None else (alpha, beta)

    def inputs(r):
        x = values(r, low, high)
        return name, r.normal(size=x.shape), x, f(x, *parameters), *parameters

    case(
        "unary",
        lambda r: (name, values(r, low, high), *parameters),
        lambda name, x, *p: f(x, *p),
        rtol=EXACT,
        atol=SUMS if name in ROUNDED else 1e-37,
        id=name,
    )
    case("unary_backward", inputs, lambda name, dy, x, y, *p: dy * slope(f, x, *p), rtol=NEAR, id=name)


# differences of rounded terms, or a phase far from zero: the error is one of the largest term
ROUNDED = {
    "hard_sigmoid",
    "hard_silu",
    "sin",
    "cos",
    "tan",
    "gelu",
    "arccos",
    "log2",
    "log10",
    "mish",
    "silu",
}

for name, (f, low, high) in SMOOTH.items():
    unary_case(name, f, low, high)
for name, f, alpha, beta, low, high in SHAPED:
    unary_case(name, f, low, high, alpha, beta)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0])
for name in STEPS:
    case(
        "unary",
        lambda r, name=name: (name, SPECIAL),
        lambda name, x: quiet(STEPS[name])(x),
        id=f"{name}-special",
    )
    if STEPS[name](SPECIAL).dtype != bool:
        case(
            "unary_backward",
            lambda r, name=name: (name, r.normal(size=9), values(r, -9, 9, 9), values(r, -9, 9, 9)),
            lambda name, dy, x, y: np.zeros(9),
            exact=True,
            id=name,
        )
for name in SMOOTH:
    if name not in (
        "relu",
        "silu",
        "mish",
        "hard_silu",
        "gelu",
        "softsign",
    ):  # limits at infinity that are 0 * inf
        case(
            "unary",
            lambda r, name=name: (name, np.array([np.nan, np.inf, 1.0])),
            lambda name, x: quiet(SMOOTH[name][0])(x),
            rtol=EXACT,
            id=f"{name}-nan-inf",
        )

# what a naive formula gets wrong: overflow on the way, or all digits lost
FAR = np.array([-1e4, -1e3, -200.0, 200.0, 1e3, 1e4])
TRAPS = {
    "sigmoid": [0, 0, math.exp(-200), 1, 1, 1],
    "log_sigmoid": [-1e4, -1e3, -200, -math.exp(-200), 0, 0],
    "softplus": [0, 0, math.exp(-200), 200, 1e3, 1e4],
    "silu": [0, 0, -200 * math.exp(-200), 200, 1e3, 1e4],
    "mish": [0, 0, -200 * math.exp(-200), 200, 1e3, 1e4],
    "gelu": [0, 0, 0, 200, 1e3, 1e4],
    "tanh": [-1, -1, -1, 1, 1, 1],
    "elu": [-1, -1, -1, 200, 1e3, 1e4],
    "erf": [-1, -1, -1, 1, 1, 1],
    "relu": [0, 0, 0, 200, 1e3, 1e4],
}
TRAP_SLOPES = {
    "sigmoid": [0, 0, 0, 0, 0, 0],
    "log_sigmoid": [1, 1, 1, 0, 0, 0],
    "softplus": [0, 0, 0, 1, 1, 1],
    "silu": [0, 0, 0, 1, 1, 1],
    "mish": [0, 0, 0, 1, 1, 1],
    "gelu": [0, 0, 0, 1, 1, 1],
    "elu": [0, 0, 0, 1, 1, 1],
    "erf": [0] * 6,
}
for name, want in TRAPS.items():
    case(
        "unary",
        lambda r, name=name: (name, FAR, 1.0 if name == "elu" else 0.0),
        lambda name, x, a, want=want: np.array(want, float),
        rtol=EXACT,
        atol=1e-45,
        id=f"{name}-far",
    )
for name, want in TRAP_SLOPES.items():
    case(
        "unary_backward",
        lambda r, name=name: (
            name,
            np.ones(6),
            FAR,
            np.array(TRAPS[name], float),
            1.0 if name == "elu" else 0.0,
        ),
        lambda name, dy, x, y, a, want=want: np.array(want, float),
        rtol=EXACT,
        atol=1e-45,
        id=f"{name}-far",
    )
TINY = np.float32([1e-3, -1e-4, 1e-10, -1e-20, 1e-30, 0.0]).astype(float)
for name in (
    "log1p",
    "expm1",
    "tanh",
    "sin",
    "erf",
    "arctanh",
    "silu",
    "softsign",
    "arcsinh",
    "sinh",
    "selu",
):
    case(
        "unary",
        lambda r, name=name: (name, TINY),
        lambda name, x: SMOOTH[name][0](x),
        rtol=EXACT,
        atol=0,
        id=f"{name}-tiny",
    )
case(
    "unary",
    lambda r: ("gelu", np.float32([-5, -8, -12]).astype(float)),
    lambda name, x: x * cdf(x),
    rtol={"float32": 2e-5, "float64": 1e-13},
    atol=0,
    id="gelu-tail",
)
case(
    "unary",
    lambda r: ("power", np.array([0.0, 0.0, 2.0, 9.0]), 0.0),
    lambda name, x, a: np.ones(4),
    exact=True,
    id="power-zero",
)
case(
    "unary_backward",
    lambda r: ("power", np.ones(2), np.array([0.0, 2.0]), np.ones(2), 0.0),
    lambda *a: np.zeros(2),
    exact=True,
    id="power-zero",
)

# at a kink: the slope that Keras computes
KINKS = {
    "relu": ([0.0, -0.0], [0, 0]),
    "relu6": ([0.0, 6.0], [0, 0]),
    "leaky_relu": ([0.0, -1.0], [0.25, 0.25]),
    "abs": ([0.0, -0.0], [0, 0]),
    "elu": ([0.0, 1.0], [0.25, 1]),
    "clip": ([0.25, 0.75], [1, 1]),
}
for name, (x, want) in KINKS.items():
    case(
        "unary_backward",
        lambda r, name=name, x=x: (name, np.array([1.0, 1.0]), np.array(x), np.array(x), 0.25, 0.75),
        lambda name, dy, x, y, a, b, want=want: np.array(want, float),
        rtol=1e-6,
        id=f"{name}-kink",
    )
case(
    "unary",
    lambda r: ("relu", np.array([np.nan, -0.0, -1.0])),
    lambda name, x: np.array([np.nan, 0, 0]),
    id="relu-nan",
)
case(
    "unary",
    lambda r: ("clip", np.array([np.nan, -9.0, 9.0]), -1.0, 1.0),
    lambda name, x, a, b: np.array([np.nan, -1, 1]),
    id="clip-nan",
)

# dtypes with few bits: NumPy's float16, and for bfloat16 the nearest of all numbers with 8 bits
ALL = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
EIGHT_BITS = np.sort(ALL[np.isfinite(ALL)].astype(float))
ENDS = [np.nan, np.inf, -np.inf, 0.0, 65504, 65519.99, 65520, -7e4, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 6e-8, 2.0**-25]


def halves(x):
    with np.errstate(over="ignore"):
        return np.float32(x).astype(np.float16).astype(float)


def eighths(x):
    """Of two neighbours the nearer; halfway, the one whose last bit is 0."""
    i = np.clip(np.searchsorted(EIGHT_BITS, x), 1, EIGHT_BITS.size - 1)
    low, high = EIGHT_BITS[i - 1], EIGHT_BITS[i]
    even = (np.float32(low).view(np.uint32) >> 16) % 2 == 0
    near = np.where((x - low < high - x) | ((x - low == high - x) & even), low, high)
    return np.where(np.isfinite(x), near, x)


for name, f in (("round_float16", halves), ("round_bfloat16", eighths)):
    case(
        "unary",
        lambda r, name=name: (
            name,
            np.float32([*ENDS, *-np.array(ENDS), *values(r, 1e-9, 1e5), *-values(r, 1e-30, 1e9)]).astype(float),
        ),
        lambda name, x, f=f: f(x),
        exact=True,
        id=name,
    )
    case(
        "unary_backward",
        lambda r, name=name: (name, r.normal(size=9), r.normal(size=9), r.normal(size=9)),
        lambda name, dy, x, y: dy,
        exact=True,
        id=name,
    )

# integers and bools
WHOLE = np.array([-7, -1, 0, 1, 6, 9], np.int32)
for name, want in {
    "abs": [7, 1, 0, 1, 6, 9],
    "negative": [7, 1, 0, -1, -6, -9],
    "sign": [-1, -1, 0, 1, 1, 1],
    "square": [49, 1, 0, 1, 36, 81],
    "relu": [0, 0, 0, 1, 6, 9],
    "clip": [-2, -1, 0, 1, 5, 5],
}.items():
    case(
        "unary",
        lambda r, name=name: (name, WHOLE, -2, 5),
        lambda name, x, a, b, want=want: np.array(want, np.int32),
        dtypes=("float32",),
        id=f"{name}-int",
    )
case(
    "unary",
    lambda r: ("logical_not", np.array([True, False])),
    lambda name, x: ~x,
    dtypes=("float32",),
    id="logical_not-bool",
)
