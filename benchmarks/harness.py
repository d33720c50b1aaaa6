"""Fair timing: contenders take turns in every round, so that a slow minute is slow for all of them."""
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

LEAST_SECONDS = 0.02                            # a shorter sample is mostly clock and scheduler


def sample(step: Callable[[], object], count: int) -> float:
    """Seconds of one call, as the mean of `count` in a row. A step on a GPU waits for its own result."""
    began = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - began) / count


def calls_needed(step: Callable[[], object]) -> int:
    """How many calls fill a sample, after a first one that compiles."""
    step()
    return max(1, round(LEAST_SECONDS / max(sample(step, 1), 1e-9)))


def paired(contenders: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, list[float]]:
    """Seconds a call for each contender and round; every other round runs in the opposite order."""
    counts = {name: calls_needed(step) for name, step in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(rounds):
        for name in list(contenders)[::-1 if i % 2 else 1]:
            times[name].append(sample(contenders[name], counts[name]))
    return times


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Least and median seconds, and the speed against the first contender: the median over paired rounds."""
    first = next(iter(times.values()))
    return {name: {"min": min(seconds), "median": statistics.median(seconds),
                   "speed": statistics.median(a / b for a, b in zip(first, seconds))}
            for name, seconds in times.items()}


def table(title: str, rows: dict[str, dict[str, float]]) -> str:
    width = max(map(len, rows))
    return "\n".join([title, *(f"  {name:<{width}}  min {row['min'] * 1e3:9.3f} ms  "
                              f"median {row['median'] * 1e3:9.3f} ms  speed x{row['speed']:.2f}"
                              for name, row in rows.items())])


def machine() -> dict[str, str]:
    """What a figure depends on and must be told with."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {"processor": models[0] if models else platform.processor(), "threads": str(os.cpu_count()),
            "system": platform.platform(), "python": platform.python_version()}


def save(path, results: dict[str, dict[str, dict[str, float]]]) -> None:
    """{workload: summary} with the machine and the day."""
    record = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "results": results}
    Path(path).write_text(json.dumps(record, indent=1) + "\n")
