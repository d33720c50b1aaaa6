"""`python -m benchmarks.cpu_vs_peers [WORKLOAD ...]`: trainings on this processor, gpunn and each peer in turn.

Without names: the six workloads, the further shapes, and single kernels. `decks` is the lecture's whole program.
"""
import argparse
import math
import statistics
import sys
from pathlib import Path

from . import harness, limits, single, workloads
from .turns import Contender, play, runs

PEERS = {"PyTorch": "torch_eager", "JAX": "jax_jit", "Keras on JAX": "keras_jax"}
KERNEL_PEERS = {"PyTorch": "torch_kernels"}
DECKS = {"Keras on PyTorch": "keras_torch"}
LIMIT = "limit"
GROUPS = {"six": workloads.SIX, "further": workloads.FURTHER, "kernels": single.KERNELS}


def options(arguments: list[str]):
    parser = argparse.ArgumentParser("benchmarks.cpu_vs_peers", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(GROUPS), help="names, or six, further, kernels")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python where the peers are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path, help="a JSON file for all figures")
    return parser.parse_args(arguments)


def contenders_of(name: str, python: str) -> dict[str, Contender]:
    """The machine's own limit plays too: it is as slow as the others in a slow minute."""
    peers = KERNEL_PEERS if name in single.KERNELS else DECKS if name == "decks" else PEERS
    ours = "ours_kernels" if name in single.KERNELS else "ours"
    limit = {} if name == "decks" else {LIMIT: Contender(sys.executable, "limit", name)}
    return {"gpunn": Contender(sys.executable, ours, name)} | limit | {
        peer: Contender(python, module, name) for peer, module in peers.items() if runs(python, module)}


def measured(name: str, chosen) -> dict:
    """One workload: seconds a step and MB by contender, the best peer's ratio, what the step costs at least, and our
    share of that by medians of turns and by the best rounds."""
    rounds = play(contenders_of(name, chosen.peer_python), chosen.rounds)
    rows = harness.summary({n: [r["seconds"] for r in rs] for n, rs in rounds.items()})
    for contender, rs in rounds.items():
        rows[contender] |= {key: statistics.median(r[key] for r in rs) for key in rs[0]}
    least = rows.pop(LIMIT, None)
    result = {"contenders": rows, "ratio": 1 / max((row["speed"] for n, row in rows.items() if n != "gpunn"),
                                                   default=math.nan)}
    if least is not None:
        result |= {"floor": least["median"], "share": 1 / least["speed"], "best": least["min"] / rows["gpunn"]["min"]}
    return result


def line(name: str, result: dict) -> str:
    rows = result["contenders"]
    times = "  ".join(f"{n} {row['median'] * 1e3:.4g}" for n, row in rows.items())
    memory = "  ".join(f"{row['memory']:.0f}" for row in rows.values() if "memory" in row)
    share = (f"  floor {result['floor'] * 1e3:.4g}, share {result['share']:.0%} (best {result['best']:.0%})"
             if "share" in result else "")
    return f"{name:<48} best peer / gpunn {result['ratio']:.2f}{share}  ms: {times}" + (memory and f"  MB: {memory}")


def mean_line(group: str, ratios: list[float]) -> str:
    return (f"{group}: best peer / gpunn: geometric mean {math.prod(ratios) ** (1 / len(ratios)):.2f}, "
            f"least {min(ratios):.2f}")


def main(arguments: list[str]) -> None:
    chosen, results = options(arguments), {}
    bounds = limits.measured()
    print(f"limits: {bounds['flops'] / 1e9:.0f} GFLOP/s, {bounds['bytes'] / 1e9:.0f} GB/s copied", flush=True)
    for wanted in chosen.workloads:
        names = GROUPS.get(wanted, [wanted])
        for name in names:
            results[name] = measured(name, chosen)
            print(line(name, results[name]), flush=True)
            if chosen.save:
                harness.save(chosen.save, {"limits": bounds, **results})
        if wanted in GROUPS:
            print(mean_line(wanted, [results[name]["ratio"] for name in names]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
