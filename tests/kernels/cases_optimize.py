"""One step of each optimizer against Keras 3's formulas in float64."""

import numpy as np

from .harness import case

SIZES = (0, 1, 31, 32, 33, 1023, 4097)
CLOSE = {"float32": 2e-6, "float64": 1e-7}  # the learning rate is float32


def hyper(rate=0.01, step=3):
    return np.array([rate, step, 0, 0], np.float32)


def sgd(p, g, m, hyper, momentum=0.0, nesterov=False):
    rate = float(hyper[0])
    if m is None:
        return p - rate * g
    m = momentum * m - rate * g
    return p + (momentum * m - rate * g if nesterov else m), m


def rmsprop(p, g, v, m, mg, hyper, rho, momentum, epsilon):
    v = rho * v + (1 - rho) * g * g
    changed, variance = [v], v
    if mg is not None:
        mg = rho * mg + (1 - rho) * g
        variance = v - mg * mg
    step = float(hyper[0]) * g / np.sqrt(variance + epsilon)
    if m is not None:
        step = m = momentum * m + step
    return p - step, *changed, *[a for a in (m, mg) if a is not None]


def adam(p, g, m, v, vhat, hyper, beta_1, beta_2, epsilon):
    t = float(hyper[1])
    rate = float(hyper[0]) * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    m, v = m + (g - m) * (1 - beta_1), v + (g * g - v) * (1 - beta_2)
    top = v if vhat is None else np.maximum(vhat, v)
    return p - rate * m / (np.sqrt(top) + epsilon), m, v, *([] if vhat is None else [top])


def slot(r, size, there=True):
    return r.random(size) if there else None


for size in SIZES:
    for slow, nesterov in ((False, False), (True, False), (True, True)):
        case(
            "sgd",
            lambda r, size=size, slow=slow: (
                r.normal(size=size),
                r.normal(size=size),
                slot(r, size, slow),
                hyper(),
            ),
            sgd,
            options={"momentum": 0.9 if slow else 0.0, "nesterov": nesterov},
            inplace=(0, 2) if slow else (0,),
            rtol=CLOSE,
            id=f"{size}-{slow}-{nesterov}",
        )
    for slow in (False, True):
        for centered in (False, True):

            def make(r, size=size, slow=slow, centered=centered):
                mean = 0.1 * slot(r, size) if centered else None
                return (
                    r.normal(size=size),
                    r.normal(size=size),
                    1 + slot(r, size),
                    slot(r, size, slow),
                    mean,
                    hyper(),
                    0.9,
                    0.8 * slow,
                    1e-7,
                )

            case(
                "rmsprop",
                make,
                rmsprop,
                inplace=(0, 2, *([3] if slow else []), *([4] if centered else [])),
                rtol=CLOSE,
                id=f"{size}-{slow}-{centered}",
            )
    for largest in (False, True):
        case(
            "adam",
            lambda r, size=size, largest=largest: (
                r.normal(size=size),
                r.normal(size=size),
                r.normal(size=size),
                slot(r, size),
                slot(r, size, largest),
                hyper(),
                0.9,
                0.999,
                1e-7,
            ),
            adam,
            inplace=(0, 2, 3, 4) if largest else (0, 2, 3),
            rtol=CLOSE,
            id=f"{size}-{largest}",
        )

# the first step: 1 - 0.999 in float32 is wrong by 6e-5, so the bias correction is not computed in float32
for step in (1, 2, 10, 1000, 1_000_000):
    case(
        "adam",
        lambda r, step=step: (
            np.zeros(33),
            r.normal(size=33),
            np.zeros(33),
            np.zeros(33),
            None,
            hyper(1.0, step),
            0.9,
            0.999,
            1e-7,
        ),
        adam,
        inplace=(0, 2, 3),
        rtol={"float32": 2e-6, "float64": 1e-10},
        id=f"step-{step}",
    )
# epsilon stands outside the root in Adam and inside in RMSprop; a gradient of 0 moves nothing
case(
    "adam",
    lambda r: (
        np.ones(3),
        np.array([0.0, 1e-12, -1e-12]),
        np.zeros(3),
        np.zeros(3),
        None,
        hyper(1.0, 1),
        0.9,
        0.999,
        1e-7,
    ),
    adam,
    inplace=(0, 2, 3),
    rtol=2e-6,
    id="tiny-gradients",
)
case(
    "rmsprop",
    lambda r: (
        np.zeros(3),
        np.array([0.0, 1e-6, -1e-6]),
        np.zeros(3),
        None,
        None,
        hyper(1.0, 1),
        0.9,
        0.0,
        1e-7,
    ),
    rmsprop,
    inplace=(0, 2),
    rtol=2e-6,
    id="tiny-gradients",
)
case(
    "adam",
    lambda r: (
        np.zeros(2),
        np.array([np.nan, 1.0]),
        np.zeros(2),
        np.zeros(2),
        None,
        hyper(1.0, 1),
        0.9,
        0.999,
        1e-7,
    ),
    adam,
    inplace=(0, 2, 3),
    rtol=2e-6,
    id="nan",
)
case(
    "sgd",
    lambda r: (np.ones(33), r.normal(size=33), None, hyper(0.0)),
    lambda p, *a, **o: p,
    inplace=(0,),
    exact=True,
    id="rate-0",
)
