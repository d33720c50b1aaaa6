"""Training steps of gpunn and of the peers that are here: in turn, on data that lies on the device."""
import statistics

from .. import workloads
from . import failed, left_out
from .peers import MANY, OURS, ROUND, Crowd, present
from .process import Ended, Overtime

TITLE, SHARE = "A training step in ms, Adam, TF32 products; bf16: mixed precision", 250
ROUNDS = 4
PREPARE = 60                    # seconds, at most, to build, compile and warm up
NAMES = (*workloads.SIX, *workloads.LARGE)


def rows(chosen):
    contenders, missing = present(chosen)
    yield from map(left_out, missing)
    names = tuple(workloads.SMALL) if chosen.short else NAMES
    with Crowd(chosen, contenders | {MANY: (contenders[OURS][0], "ours_many")}) as crowd:
        for i, name in enumerate(names):
            limit = min(PREPARE, chosen.left() / (len(names) - i) * 1.2)
            if limit < 1:
                yield left_out(f"{name}: no time")
                continue
            yield from played(crowd, name, limit)


def played(crowd: Crowd, workload: str, limit: float):
    """One workload: a row, and a line for each who could not play."""
    reasons = crowd.prepared(workload, limit)
    times = {name: [] for name, reason in reasons.items() if reason is None}
    for i in range(ROUNDS):
        for name in list(times)[::-1 if i % 2 else 1]:
            answer = crowd.asked(name, "go", ROUND)
            if isinstance(answer, Ended):
                reasons[name] = answer
                del times[name]
            else:
                times[name].append(answer["seconds"])
    crowd.rest()
    yield from (complaint(workload, name, reason) for name, reason in reasons.items() if reason is not None)
    yield row(workload, crowd.contenders, {name: statistics.median(seconds) for name, seconds in times.items()})


def complaint(workload: str, name: str, reason: Ended) -> dict:
    """What a peer cannot do is no failure, nor what nobody had time for."""
    wrong = name in (OURS, MANY) and not isinstance(reason, Overtime)
    return (failed if wrong else left_out)(f"{workload}, {name}: {reason}")


def row(workload: str, contenders, medians: dict[str, float]) -> dict:
    ours = [seconds for name, seconds in medians.items() if name in (OURS, MANY)]
    theirs = [seconds for name, seconds in medians.items() if name not in (OURS, MANY)]
    ratio = min(theirs) / min(ours) if ours and theirs else None
    return {"workload": workload, "batch": workloads.KNOWN[workload].batch,
            **{name: medians[name] * 1e3 if name in medians else None for name in contenders},
            "best peer / gpunn": ratio}
