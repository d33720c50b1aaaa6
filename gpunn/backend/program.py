"""One step, one program: run eagerly at first, recorded once, replayed from then on, bit for bit the same."""
import sys

import numpy as np

WARMUP = 2                      # real steps that compile kernels and settle memory before the recording


class Program:
    """`step()` takes nothing; it reads and writes persistent arrays, and returns arrays that a replay fills again.

    `pure`: its Python changes nothing outside, so that a copy of this process may rehearse it.
    """

    def __init__(self, backend, step, *, eager: bool = False, pure: bool = False, what: str = "this step"):
        self.recorder, self.step, self.what = backend.recorder(), step, what
        self.runs, self.replay, self.result = 0, None, None
        self.eager, self.pure = eager, pure

    def __call__(self):
        if self.replay is not None:
            self.replay()
            return self.result
        with np.errstate(all="ignore"):                 # infinities and NaN are values here, as on a GPU
            return self.first()

    def first(self):
        self.runs += 1
        if self.eager or self.runs <= WARMUP:
            return self.recorder.eager(self.step, self.pure)
        self.result, self.replay, refusal = self.recorder.record(self.step)
        if refusal is not None:
            self.eager = True
            print(f"gpunn: {self.what} runs eagerly, step by step: {refusal}", file=sys.stderr, flush=True)
        return self.result
