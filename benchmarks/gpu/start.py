"""From the start of the process to the end of the first step of the cnn: with nothing compiled, and once more."""
import tempfile
import time

from . import failed, left_out
from .peers import OURS, command, present
from .process import Ended, Overtime, Process

TITLE, SHARE = "Seconds from the start of a process to its first training step", 45
LIMIT = 60
# where they keep what they compiled
CACHES = ("CUPY_CACHE_DIR", "GPUNN_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
          "JAX_COMPILATION_CACHE_DIR", "CUDA_CACHE_PATH")


def rows(chosen):
    contenders, missing = present(chosen)
    yield from map(left_out, missing)
    for name, (python, module) in contenders.items():
        with tempfile.TemporaryDirectory() as folder:
            places = {cache: f"{folder}/{cache}" for cache in CACHES}
            words = command(python, module, "first", "cnn, small" if chosen.short else "cnn")
            yield from started(name, words, chosen, places)


def started(name: str, words: list[str], chosen, places: dict[str, str]):
    """A row; or a line when it did not come to a step."""
    if chosen.late():
        yield left_out(f"{name}: no time")
        return
    try:
        cold, warm = (seconds(words, chosen, places) for _ in range(2))
    except Ended as error:
        wrong = name == OURS and not isinstance(error, Overtime)
        yield (failed if wrong else left_out)(f"{name}: {error}")
        return
    yield {"contender": name, "nothing compiled": cold, "once more": warm}


def seconds(words: list[str], chosen, places: dict[str, str]) -> float:
    began = time.monotonic()
    with Process(words, chosen.environment() | places) as process:
        process.answer(min(LIMIT, max(1, chosen.left())))
        return time.monotonic() - began
