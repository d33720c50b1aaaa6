"""What optimizers do to one number: the table from which both twins make their kernels.

A formula is written so that Python and C++ read it alike. It speaks of p (the weight), g (its gradient) and its slots,
and of what is the same for all numbers: rate, t (the step, from 1), momentum and gain, which lie on the device, and the
options; of an option x there are also rest_x = 1 - x and log_x, so that 1 - x**t = -expm1(t * log_x) keeps its digits.
"""
import functools
import math
import re
from typing import NamedTuple

LARGEST = 2.0 ** 127            # loss scale: twice that is infinite, and half of infinity too


class Formula(NamedTuple):
    slots: str                  # names, one array each
    options: str                # names, one number each
    each: str                   # for every number; what it assigns to p, g and the slots is written back
    before: str = ""            # once
    first: str = ""             # for every number, before `each`; written back where there is no `each`

    @property
    def arrays(self) -> list[str]:
        return ["p", "g", *self.slots.split()]

    @property
    def written(self) -> list[str]:
        return [a for a in self.arrays if a in assigned(self.each or self.first)]

    @property
    def constants(self) -> list[str]:
        """Options, rest_ and log_ of options, that the text speaks of."""
        known = [prefix + x for x in self.options.split() for prefix in ("", "rest_", "log_")]
        return [x for x in known if re.search(rf"\b{x}\b", f"{self.before} {self.first} {self.each}")]

    def numbers(self, options: tuple) -> tuple[float, ...]:
        """The values of the constants."""
        given = dict(zip(self.options.split(), map(float, options), strict=True))
        rest = {"rest_" + x: 1 - value for x, value in given.items()}
        logs = {"log_" + x: math.log(value) if value > 0 else -math.inf for x, value in given.items()}
        return tuple(map({**given, **rest, **logs}.get, self.constants))


def lines(text: str) -> list[str]:
    """Statements; numbers in them get the type T of the arrays."""
    return [re.sub(r"(?<![\w.])[\d.]+", r"T(\g<0>)", line.strip()) for line in text.splitlines() if line.strip()]


def assigned(text: str) -> list[str]:
    return re.findall(r"^\s*(\w+) [-+*/]?= ", text, re.M)


RMS, MEAN = "square = rho * square + rest_rho * g * g\n", "mean = rho * mean + rest_rho * g\n"
MOMENTS = "m += (g - m) * rest_beta_1\nv += (g * g - v) * rest_beta_2\n"
BETAS, START = "beta_1 beta_2 epsilon", "rate *= sqrt(-expm1(t * log_beta_2)) / -expm1(t * log_beta_1)"
NOW = "now = beta_1 * (1 - 0.5 * pow(0.96, t))\n"
FTRL = """
    grown = total + g * g
    before = sqrt(total)
    after = sqrt(grown)
    linear += g + 2 * shrinkage * p - (after - before) / rate * p
    p = (clip(linear, -l1, l1) - linear) / (after / rate + 2 * l2 + beta / rate)
    total = grown
"""
FORMULAS = {
    "sgd": Formula("", "", "p -= rate * g"),
    "sgd_momentum": Formula("m", "", "m = momentum * m - rate * g\np += m"),
    "sgd_nesterov": Formula("m", "", "m = momentum * m - rate * g\np += momentum * m - rate * g"),
    "rmsprop": Formula("square", "rho epsilon", RMS + "p -= rate * g / sqrt(square + epsilon)"),
    "rmsprop_momentum": Formula("square m", "rho epsilon", RMS + """
        m = momentum * m + rate * g / sqrt(square + epsilon)
        p -= m"""),
    "rmsprop_centered": Formula("square mean", "rho epsilon", RMS + MEAN + """
        p -= rate * g / sqrt(square - mean * mean + epsilon)"""),
    "rmsprop_momentum_centered": Formula("square m mean", "rho epsilon", RMS + MEAN + """
        m = momentum * m + rate * g / sqrt(square - mean * mean + epsilon)
        p -= m"""),
    "adam": Formula("m v", BETAS, MOMENTS + "p -= rate * m / (sqrt(v) + epsilon)", START),
    "adam_amsgrad": Formula("m v top", BETAS, MOMENTS + """
        top = larger(top, v)
        p -= rate * m / (sqrt(top) + epsilon)""", START),
    "adamax": Formula("m norm", BETAS, """
        m += (g - m) * rest_beta_1
        norm = larger(beta_2 * norm, fabs(g))
        p -= rate * m / (norm + epsilon)""", "rate /= -expm1(t * log_beta_1)"),
    # momentum: the product of this and all earlier momenta; each is `now` in its time
    "nadam": Formula("m v", BETAS, MOMENTS + """
        p -= rate * (ahead * m + here * g) / (sqrt(v / spread) + epsilon)""", NOW + """
        next = beta_1 * (1 - 0.5 * pow(0.96, t + 1))
        ahead = next / (1 - momentum * next)
        here = (1 - now) / (1 - momentum)
        spread = -expm1(t * log_beta_2)"""),
    "nadam_momentum": Formula("", "beta_1", "p *= now", NOW),
    "adagrad": Formula("square", "epsilon", "square += g * g\np -= rate * g / sqrt(square + epsilon)"),
    "adadelta": Formula("square change", "rho epsilon", RMS + """
        step = g * sqrt(change + epsilon) / sqrt(square + epsilon)
        change = rho * change + rest_rho * step * step
        p -= rate * step"""),
    "lion": Formula("m", "beta_1 beta_2", """
        p -= rate * sign(beta_1 * m + rest_beta_1 * g)
        m = beta_2 * m + rest_beta_2 * g"""),
    "ftrl": Formula("total linear", "l1 l2 shrinkage beta", FTRL),
    "ftrl_power": Formula("total linear", "l1 l2 shrinkage beta power",
                          re.sub(r"sqrt\((.*)\)", r"pow(\1, power)", FTRL)),
    # m is z of the paper, p is y
    "schedule_free": Formula("m v", BETAS + " warmup", """
        v += (g * g - v) * rest_beta_2
        x = (p - rest_beta_1 * m) / beta_1
        m -= rate * g / (sqrt(v / spread) + epsilon)
        x += (m - x) / t
        p = m + beta_1 * (x - m)""", "rate *= smaller(t / warmup, 1)\nspread = -expm1(t * log_beta_2)"),
    # the next ones leave in g the direction, to be scaled before p goes there
    "lamb": Formula("m v", BETAS, MOMENTS + "g = m / start / (sqrt(v / spread) + epsilon)",
                    "start = -expm1(t * log_beta_1)\nspread = -expm1(t * log_beta_2)"),
    "muon": Formula("m", "", "m = momentum * m + g\ng = m"),
    "muon_nesterov": Formula("m", "", "m = momentum * m + g\ng += momentum * m"),
    "adafactor": Formula("v", "fade epsilon", "v += (g * g + epsilon - v) * share\ng /= sqrt(v)",
                         "share = pow(t, fade)"),
    "adafactor_mean": Formula("", "fade epsilon", "p += (g + epsilon - p) * share", "share = pow(t, fade)"),
    "adafactor_step": Formula("", "", "p -= smaller(rate, 1 / sqrt(t)) * g"),
    # what becomes of g before a step
    "divided": Formula("", "loss_scale", "", first="g /= loss_scale"),
    "scaled": Formula("", "", "", first="g *= gain"),
    "clipped": Formula("", "bound", "", first="g = clip(g, -bound, bound)"),
    # what surrounds a step
    "decay": Formula("", "", "p = p"),
    "average": Formula("average", "ema_momentum", "average += (p - average) * share",
                       "share = choose(t > 1, rest_ema_momentum, 1)"),
    "average_overwrite": Formula("average", "ema_momentum every", """
        average += (p - average) * share
        p = choose(left == 0, average, p)""", """
        share = choose(t > 1, rest_ema_momentum, 1)
        left = t - every * floor(t / every)"""),
    "accumulate": Formula("", "", "p += g"),
    "accumulated": Formula("", "steps", "p += g\ng = p / steps\np = 0"),
}


@functools.cache
def composed(name: str) -> Formula:
    """One of the table, or several that make one pass: "scaled clipped adam average"."""
    parts = [FORMULAS[part] for part in name.split()]
    return Formula(*[between.join(filter(None, texts)) for between, texts in zip("  \n\n\n", zip(*parts))])
