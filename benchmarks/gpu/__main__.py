import os
import sys
import tempfile
import time
from contextlib import suppress

from . import failed, report
from .child import module
from .chosen import Chosen, options
from .process import Process

GRACE = 5                       # seconds that a part may take longer than it was given
KINDS = ("failed", "left out")


def record_of(part: str, chosen: Chosen, environment: dict) -> dict:
    """Runs one part: {"title", "seconds", "rows", "failed", "left out"}."""
    began, answers = time.monotonic(), []
    try:
        title = module(part).TITLE
        answers += answered(part, chosen, environment)
    except Exception as error:
        title, answers = part, [failed(f"{type(error).__name__}: {error}")]
    lists = {kind: [a[kind] for a in answers if kind in a] for kind in KINDS}
    rows = [a for a in answers if not a.keys() & set(KINDS)]
    return {"title": title, "seconds": time.monotonic() - began, "rows": rows, **lists}


def answered(part: str, chosen: Chosen, environment: dict):
    command = [sys.executable, "-m", "benchmarks.gpu.child", part, *chosen.words()]
    with Process(command, environment) as process:
        yield from process.rows(chosen.seconds + GRACE)
        status = process.status()
        if process.overtime:
            yield failed(f"took longer than {chosen.seconds:.0f} s")
        elif status:
            yield failed(f"status {status}: {process.last_words()}")


def share(part: str) -> float:
    with suppress(Exception):
        return module(part).SHARE
    return 1                    # it will tell itself what is wrong with it


def records_of(chosen: Chosen, environment: dict) -> dict[str, dict]:
    """All parts, one after the other, each saved at once. What one does not need of its time goes to those after it."""
    records = {}
    for i, part in enumerate(chosen.parts):
        part_of_time = share(part) / sum(map(share, chosen.parts[i:]))
        mine = chosen.within(max(0.0, (chosen.left() - GRACE) * part_of_time))
        records[part] = record_of(part, mine, environment) if mine.seconds >= 1 else unheard(part)
        print(report.section(records[part]), flush=True)
        report.save(chosen.results, records)
    return records


def unheard(part: str) -> dict:
    return {"title": part, "seconds": 0.0, "rows": [], "failed": [], "left out": ["no time"]}


def main(arguments: list[str]) -> int:
    """Prints and saves; 1 when something failed."""
    chosen = options(arguments)
    with tempfile.TemporaryDirectory(prefix="gpunn-gpu-") as folder:
        # CuPy finds a place for what it compiles also where the home folder cannot be written
        environment = {"CUPY_CACHE_DIR": folder, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"} | os.environ
        records = records_of(chosen, environment)
    print(report.overview(records))
    print(f"\nsaved as {report.save(chosen.results, records)}")
    return int(any(record["failed"] for record in records.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
