"""One line on stderr while kernels are compiled; without it a first run seems to hang."""
import sys
import time

from numba.core.event import Listener, register

from .cache import folder

PATIENCE = 0.5                  # seconds of compiling without a word
WHEN = "first run only" if folder() else "at every start: there is no private folder to keep them in"


class Notice(Listener):
    """Hears when a kernel is compiled, not when it comes from the cache; speaks once a process."""

    def __init__(self):
        self.depth, self.began, self.spent, self.said = 0, 0.0, 0.0, False

    def on_start(self, event):
        now = time.perf_counter()
        if not self.depth:                      # a kernel may compile others on its way
            self.began = now
        self.depth += 1
        if not self.said and ours(event) and self.spent + now - self.began > PATIENCE:
            self.said = True
            say(f"gpunn: compiling CPU kernels ({WHEN}) ...")

    def on_end(self, event):
        self.depth -= 1
        if not self.depth and ours(event):
            self.spent += time.perf_counter() - self.began


def ours(event) -> bool:
    return (event.data["dispatcher"].py_func.__module__ or "").startswith(__package__)


def say(line: str) -> None:
    """A line of its own, also where a progress bar stands."""
    if sys.stderr is None:                      # pythonw has none
        return
    if "tqdm.std" in sys.modules:
        sys.modules["tqdm.std"].tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)


register("numba:compile", Notice())
