import os
import sys
import tempfile
import time
from contextlib import suppress

from . import failed, left_out, report
from .child import module
from .chosen import Chosen, options
from .process import Process

GRACE = 5                       # seconds that a part may take longer than it was given
KINDS = ("failed", "left out")


def record_of(part: str, chosen: Chosen) -> dict:
    """Runs one part: {"title", "seconds", "rows", "failed", "left out"}."""
    began, answers = time.monotonic(), []
    try:
        title = module(part).TITLE
        answers += answered(part, chosen)
    except Exception as error:
        title, answers = part, [failed(f"{type(error).__name__}: {error}")]
    lists = {kind: [a[kind] for a in answers if kind in a] for kind in KINDS}
    rows = [a for a in answers if not a.keys() & set(KINDS)]
    return {"title": title, "seconds": time.monotonic() - began, "rows": rows, **lists}


def answered(part: str, chosen: Chosen):
    command = [sys.executable, "-m", "benchmarks.gpu.child", part, *chosen.words()]
    with Process(command) as process:
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


def records_of(chosen: Chosen) -> dict[str, dict]:
    """All parts, one after the other. What one does not need of its time goes to those after it."""
    records = {}
    for i, part in enumerate(chosen.parts):
        part_of_time = share(part) / sum(map(share, chosen.parts[i:]))
        mine = chosen.within(max(0.0, (chosen.left() - GRACE) * part_of_time))
        records[part] = record_of(part, mine) if mine.seconds >= 1 else unheard(part)
        print(report.section(records[part]), flush=True)
    return records


def unheard(part: str) -> dict:
    return {"title": part, "seconds": 0.0, "rows": [], "failed": [], **{"left out": [left_out("no time")["left out"]]}}


def main(arguments: list[str]) -> int:
    """Prints and saves; 1 when something failed."""
    chosen = options(arguments)
    with tempfile.TemporaryDirectory(prefix="gpunn-gpu-") as folder:
        # what has no place to cache what it compiled finds one here
        os.environ.setdefault("CUPY_CACHE_DIR", folder)
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        records = records_of(chosen)
    print(report.overview(records))
    print(f"\nsaved as {report.save(chosen.results, records)}")
    return int(any(record["failed"] for record in records.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
