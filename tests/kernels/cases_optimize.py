"""One step of each formula against the papers' and Keras' in float64."""
import numpy as np

from gpunn.kernels.formulas import FORMULAS, composed

from .harness import case

SIZES = (0, 1, 33, 4097)
CLOSE = {"float32": 3e-6, "float64": 1e-7}          # the learning rate is float32
USUAL = {"rho": 0.9, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "l1": 0.3, "l2": 0.1, "shrinkage": 0.05,
         "beta": 0.2, "power": 0.4, "warmup": 8.0, "ema_momentum": 0.8, "steps": 4.0,
         "fade": -0.8, "every": 3.0, "loss_scale": 8.0, "bound": 0.2}


def sgd(p, g, rate, t, momentum, gain):
    return {"p": p - rate * g}


def sgd_momentum(p, g, rate, t, momentum, gain, m):
    m = momentum * m - rate * g
    return {"p": p + m, "m": m}


def sgd_nesterov(p, g, rate, t, momentum, gain, m):
    m = momentum * m - rate * g
    return {"p": p + momentum * m - rate * g, "m": m}


def rmsprop(p, g, rate, t, momentum, gain, square, rho, epsilon, m=None, mean=None):
    square = variance = rho * square + (1 - rho) * g * g
    if mean is not None:
        mean = rho * mean + (1 - rho) * g
        variance = square - mean ** 2
    step = rate * g / np.sqrt(variance + epsilon)
    m = None if m is None else momentum * m + step
    return {"p": p - (step if m is None else m), "square": square, "m": m, "mean": mean}


def moments(g, t, m, v, beta_1, beta_2):
    """-> m, v and both corrected"""
    m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
    return m, v, m / (1 - beta_1 ** t), v / (1 - beta_2 ** t)


def adam(p, g, rate, t, momentum, gain, m, v, beta_1, beta_2, epsilon, top=None):
    m, v, _, _ = moments(g, t, m, v, beta_1, beta_2)
    top = None if top is None else np.maximum(top, v)
    rate = rate * np.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    return {"p": p - rate * m / (np.sqrt(v if top is None else top) + epsilon), "m": m, "v": v, "top": top}


def adamax(p, g, rate, t, momentum, gain, m, norm, beta_1, beta_2, epsilon):
    m, norm = beta_1 * m + (1 - beta_1) * g, np.maximum(beta_2 * norm, abs(g))
    return {"p": p - rate / (1 - beta_1 ** t) * m / (norm + epsilon), "m": m, "norm": norm}


def nadam_momentum(p, g, rate, t, momentum, gain, beta_1):
    return {"p": p * beta_1 * (1 - 0.5 * 0.96 ** t)}


def nadam(p, g, rate, t, momentum, gain, m, v, beta_1, beta_2, epsilon):
    m, v, _, v_hat = moments(g, t, m, v, beta_1, beta_2)
    now, later = (beta_1 * (1 - 0.5 * 0.96 ** s) for s in (t, t + 1))
    m_hat = later * m / (1 - momentum * later) + (1 - now) * g / (1 - momentum)
    return {"p": p - rate * m_hat / (np.sqrt(v_hat) + epsilon), "m": m, "v": v}


def adagrad(p, g, rate, t, momentum, gain, square, epsilon):
    return {"p": p - rate * g / np.sqrt(square + g * g + epsilon), "square": square + g * g}


def adadelta(p, g, rate, t, momentum, gain, square, change, rho, epsilon):
    square = rho * square + (1 - rho) * g * g
    step = np.sqrt(change + epsilon) / np.sqrt(square + epsilon) * g
    return {"p": p - rate * step, "square": square, "change": rho * change + (1 - rho) * step ** 2}


def lion(p, g, rate, t, momentum, gain, m, beta_1, beta_2):
    return {"p": p - rate * np.sign(beta_1 * m + (1 - beta_1) * g), "m": beta_2 * m + (1 - beta_2) * g}


def ftrl(p, g, rate, t, momentum, gain, total, linear, l1, l2, shrinkage, beta, power=0.5):
    grown = total + g * g
    linear = linear + g + 2 * shrinkage * p - (grown ** power - total ** power) / rate * p
    quadratic = grown ** power / rate + 2 * (l2 + beta / (2 * rate))
    return {"p": (np.clip(linear, -l1, l1) - linear) / quadratic, "total": grown, "linear": linear}


def schedule_free(p, g, rate, t, momentum, gain, m, v, beta_1, beta_2, epsilon, warmup):
    _, v, _, v_hat = moments(g, t, m, v, beta_1, beta_2)
    x = (p - (1 - beta_1) * m) / beta_1
    m = m - rate * min(t / warmup if warmup else 1, 1) * g / (np.sqrt(v_hat) + epsilon)
    return {"p": (1 - beta_1) * m + beta_1 * ((1 - 1 / t) * x + m / t), "m": m, "v": v}


def lamb(p, g, rate, t, momentum, gain, m, v, beta_1, beta_2, epsilon):
    m, v, m_hat, v_hat = moments(g, t, m, v, beta_1, beta_2)
    return {"g": m_hat / (np.sqrt(v_hat) + epsilon), "m": m, "v": v}


def muon(p, g, rate, t, momentum, gain, m):
    return {"m": momentum * m + g, "g": momentum * m + g}


def muon_nesterov(p, g, rate, t, momentum, gain, m):
    m = momentum * m + g
    return {"m": m, "g": g + momentum * m}


def adafactor(p, g, rate, t, momentum, gain, v, fade, epsilon):
    v = (1 - t ** fade) * v + t ** fade * (g * g + epsilon)
    return {"v": v, "g": g / np.sqrt(v)}


def adafactor_mean(p, g, rate, t, momentum, gain, fade, epsilon):
    return {"p": (1 - t ** fade) * p + t ** fade * (g + epsilon)}


def adafactor_step(p, g, rate, t, momentum, gain):
    return {"p": p - min(rate, t ** -0.5) * g}


def divided(p, g, rate, t, momentum, gain, loss_scale):
    return {"g": g / loss_scale}


def scaled(p, g, rate, t, momentum, gain):
    return {"g": g * gain}


def clipped(p, g, rate, t, momentum, gain, bound):
    return {"g": np.clip(g, -bound, bound)}


def decay(p, g, rate, t, momentum, gain):
    return {"p": p}


def average(p, g, rate, t, momentum, gain, average, ema_momentum):
    keep = ema_momentum if t > 1 else 0
    return {"average": keep * average + (1 - keep) * p}


def average_overwrite(p, g, rate, t, momentum, gain, average, ema_momentum, every):
    keep = ema_momentum if t > 1 else 0
    average = keep * average + (1 - keep) * p
    return {"average": average, "p": p if t % every else average}


def accumulate(p, g, rate, t, momentum, gain):
    return {"p": p + g}


def accumulated(p, g, rate, t, momentum, gain, steps):
    return {"p": 0 * p, "g": (p + g) / steps}


REFERENCES = {"rmsprop_momentum": rmsprop, "rmsprop_centered": rmsprop, "rmsprop_momentum_centered": rmsprop,
              "adam_amsgrad": adam, "ftrl_power": ftrl}


def expected(name, p, g, slots, hyper, options=(), decay=0.0, shadow=None):
    formula = composed(name)
    old = dict(zip(formula.arrays, (p, g, *slots)))
    if not hyper[3]:
        return tuple(old.values())
    rate, momentum, every, gain = map(float, hyper[[0, 2, 4, 5]])
    t = int(hyper.astype(np.float32).view(np.int32)[1]) // int(every) + 1
    now = old | dict(zip(formula.options.split(), options)) | {"p": p * (1 - rate * decay)}
    for part in name.split():
        names = [*FORMULAS[part].slots.split(), *FORMULAS[part].options.split()]
        made = (REFERENCES.get(part) or globals()[part])(now["p"], now["g"], rate, t, momentum, gain,
                                                         **{a: now[a] for a in names})
        now |= made
    return tuple((old | {a: now[a] for a in formula.written}).values())


def hypers(rate, step, momentum, go=1.0, every=1, gain=0.25, scale=1.0, good=0):
    """The float32 array that kernels read: the step is told by the bits of an int32, the batches before this one."""
    hyper = np.array([rate, 0, momentum, go, every, gain, scale, 0, 0], np.float32)
    hyper.view(np.int32)[[1, 7]] = step * every - 1, good
    return hyper


def arguments(r, name, size, step=3, go=1.0, decay=0.0, every=1, **changed):
    """Accumulated squares are at least 1, means are smaller."""
    f, usual = composed(name), USUAL | changed
    slots = tuple(0.1 * r.normal(size=size) if s in ("m", "mean", "linear", "average") else 1 + r.random(size)
                  for s in f.slots.split())
    hyper = hypers(0.01, step, 0.7, go, every)
    return (name, r.normal(size=size), r.normal(size=size), slots, hyper,
            tuple(usual[o] for o in f.options.split()), decay)


def add(name, id, dtypes=("float32", "float64"), **what):
    case("optimize", lambda r: arguments(r, name, **what), expected, inplace=(1, 2, 3), rtol=CLOSE, dtypes=dtypes,
         id=f"{name}-{id}")


for name in FORMULAS:
    # the formulas that are used most in every way, the others in float32: each has a program of its own on a GPU
    often = name in ("sgd", "sgd_momentum", "rmsprop_momentum_centered", "adam")
    for size in SIZES if often else (33,):
        add(name, size, dtypes=("float32", "float64") if often else ("float32",), size=size)
    if "p" in FORMULAS[name].written:
        add(name, "decay", dtypes=("float32",), size=4097, decay=2.0)
    add(name, "first", dtypes=("float32",), size=5, step=1)
    add(name, "skipped", dtypes=("float32",), size=5, go=0.0, decay=2.0)
# several in one pass: what becomes of g stays within it, but where there is no step
for name, dtypes in {"scaled clipped adam average_overwrite": ("float32", "float64"), "clipped": ("float32", "float64"),
                     "divided clipped adam_amsgrad average": ("float32",), "scaled sgd": ("float32",),
                     "divided clipped schedule_free average_overwrite": ("float32",), "scaled lamb": ("float32",),
                     "scaled rmsprop_momentum_centered average": ("float32",), "scaled clipped": ("float32",),
                     "divided accumulated": ("float32",), "scaled accumulate": ("float32",)}.items():
    for id, what in (("33", {"size": 33}), ("4097", {"size": 4097, "decay": 2.0}), ("skipped", {"size": 5, "go": 0.0})):
        add(name, id, dtypes=dtypes, **what)
for beta, step in ((0.999, 1), (0.999, 2), (0.999, 1000), (0.999, 1_000_000), (0.0, 2)):
    # 1 - 0.999 in float32 is wrong by 6e-5, so the bias correction is not computed so
    add("adam", f"beta-{beta}-{step}", size=33, step=step, beta_2=beta)
add("adam", "every-third", size=33, every=3)
add("average_overwrite", "not-yet", dtypes=("float32",), size=33, step=4)
add("schedule_free", "no-warmup", dtypes=("float32",), size=33, warmup=0.0)


def shadowed(*args):
    new = expected(*args)
    return *new, new[0]


for size in (5, 4097):
    case("optimize", lambda r, size=size: (*arguments(r, "adam", size, decay=2.0), np.zeros(size)), shadowed,
         inplace=(1, 2, 3, 7), rtol=CLOSE, id=f"shadow-{size}")


def plain(name, p, g, slots, options, id, step=1):
    case("optimize", lambda r: (name, np.array(p), np.array(g), tuple(np.zeros(len(p)) for _ in range(slots)),
                                hypers(1, step, 0), options), expected, inplace=(1, 2, 3),
         rtol=2e-6, id=f"{name}-{id}")


# epsilon stands outside the root in Adam and inside in RMSprop; a gradient of 0 moves nothing
plain("adam", [1.0, 1.0, 1.0], [0.0, 1e-12, -1e-12], 2, (0.9, 0.999, 1e-7), "tiny")
plain("rmsprop", [0.0, 0.0, 0.0], [0.0, 1e-6, -1e-6], 1, (0.9, 1e-7), "tiny")
plain("adam", [0.0, 0.0], [np.nan, 1.0], 2, (0.9, 0.999, 1e-7), "nan")
plain("adam_amsgrad", [0.0, 0.0], [np.nan, 1.0], 3, (0.9, 0.999, 1e-7), "nan")


def measured(g, hyper, limit=None, loss_scale=1.0, growth=None):
    new, loss_scale = hyper.astype(np.float32), loss_scale if growth is None else hyper[6]
    whole, finite = new.view(np.int32), np.isfinite(g).all()
    norm = np.sqrt(np.sum(g * g)) / loss_scale
    new[5] = (1 if limit is None else limit / max(norm, limit)) / loss_scale if finite else np.nan
    if growth is not None:
        grows = finite and whole[7] + 1 == growth
        new[3], whole[1] = finite, whole[1] - (not finite)
        new[6] = min(loss_scale * (2 if grows else 1 if finite else 0.5), 2.0**127)
        whole[7] = whole[7] + 1 if finite and not grows else 0
    return new


def measure(id, size, *options, of=1.0, at=None, **state):
    """`at`: an element that is not finite; counts are bits of denormal numbers, and so compared without an atol."""
    def make(r):
        g = of * r.normal(size=size)
        g[size // 2:size // 2 + 1] = g[size // 2:size // 2 + 1] if at is None else at
        return g, hypers(0.01, 3, 0.7, **state), *options
    case("measure", make, measured, inplace=(1,), rtol=2e-6, atol=0.0, id=id)


for size in (*SIZES, 300_001):
    measure(f"norm-{size}", size, 0.5, 4.0)
    measure(f"scale-{size}", size, None, 1.0, 3, scale=8.0)
for of in (1e30, 1e-30):                    # squares that float32 does not hold
    measure(f"of-{of}", 4097, 0.7, of=of)
    measure(f"dynamic-{of}", 4097, 0.7, 1.0, 3, of=of, scale=2.0**15, good=1)
for at in (np.inf, -np.inf, np.nan):
    measure(f"norm-{at}", 33, 0.7, at=at)
    for size in (1, 4097):
        measure(f"skips-{at}-{size}", size, None, 1.0, 3, at=at, scale=8.0, good=2)
measure("grows", 33, None, 1.0, 3, scale=8.0, good=2)
measure("within", 33, 1e3, 1.0, 3, scale=8.0, good=1)
measure("largest", 33, None, 1.0, 1, scale=2.0**127)
measure("infinite", 33, None, 1.0, 3, at=np.nan, scale=np.inf)
measure("never-grows", 33, None, 1.0, 0, scale=8.0, good=0)
measure("after-a-skip", 33, 0.7, 1.0, 3, scale=8.0, go=0.0)
