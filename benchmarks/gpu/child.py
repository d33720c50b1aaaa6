"""`python -m benchmarks.gpu.child PART ...`: the rows of one part, one JSON object a line."""
import importlib
import signal
import sys

from . import tell
from .chosen import Chosen, options


def module(part: str):
    return importlib.import_module(part if "." in part else f"{__package__}.{part}")


def run(chosen: Chosen):
    for row in module(chosen.parts[0]).rows(chosen):
        tell(row)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("out of time"))
    run(options(sys.argv[1:]))
