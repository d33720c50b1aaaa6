"""`python -m benchmarks.cpu_vs_peers [WORKLOAD ...]`: trainings on this processor, gpunn and each peer in turn.

Without names: the six workloads, the further shapes, and single kernels. `decks` is the lecture's whole program.
"""
import argparse
import math
import statistics
import sys
from pathlib import Path

from . import floor, harness, workloads
from .turns import Contender, has, play

PEERS = {"PyTorch": ("torch_eager", "torch"), "JAX": ("jax_jit", "jax"), "Keras on JAX": ("keras_jax", "keras, jax")}
DECKS = {"Keras on PyTorch": ("keras_torch", "keras, torch")}


def options(arguments: list[str]):
    parser = argparse.ArgumentParser("benchmarks.cpu_vs_peers", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(workloads.ALL))
    parser.add_argument("--peer-python", default=sys.executable, help="a Python where the peers are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path, help="a JSON file for all figures")
    return parser.parse_args(arguments)


def measured(name: str, chosen, limits: dict) -> dict:
    """One workload: seconds a step and MB by contender, what the step costs at least, the best peer's ratio."""
    peers = DECKS if name == "decks" else PEERS
    contenders = {"gpunn": Contender(sys.executable, "ours", name)}
    contenders |= {peer: Contender(chosen.peer_python, module, name) for peer, (module, needs) in peers.items()
                   if has(chosen.peer_python, needs)}
    rounds = play(contenders, chosen.rounds)
    result = {"contenders": harness.summary({n: [r["seconds"] for r in rs] for n, rs in rounds.items()})}
    for contender, rs in rounds.items():
        result["contenders"][contender] |= {key: statistics.median(r[key] for r in rs) for key in rs[0]}
    others = [row["median"] for n, row in result["contenders"].items() if n != "gpunn"]
    ours = result["contenders"]["gpunn"]["median"]
    result["ratio"] = min(others) / ours if others else None
    if name in workloads.ALL:
        result["floor"] = floor.seconds(workloads.ALL[name], limits)
        result["share"] = result["floor"] / ours
    return result


def line(name: str, result: dict) -> str:
    rows = result["contenders"]
    times = "  ".join(f"{n} {rows[n]['median'] * 1e3:.4g}" for n in rows)
    memory = "  ".join(f"{rows[n]['memory']:.0f}" for n in rows if "memory" in rows[n])
    best = f"{result['ratio']:.2f}" if result["ratio"] else "-"
    share = f"{result['share']:.0%} of the floor" if "share" in result else ""
    return f"{name:<32} {times} ms   best peer / gpunn {best}   {share}   memory {memory} MB"


def main(arguments: list[str]) -> None:
    chosen, results = options(arguments), {}
    from . import limits
    bounds = limits.measured()
    print(f"limits: {bounds['flops'] / 1e9:.0f} GFLOP/s, {bounds['bytes'] / 1e9:.0f} GB/s copied", flush=True)
    for name in chosen.workloads:
        results[name] = measured(name, chosen, bounds)
        print(line(name, results[name]), flush=True)
    ratios = [results[n]["ratio"] for n in workloads.SIX if n in results and results[n]["ratio"]]
    if ratios:
        print(f"geometric mean of best peer / gpunn over {len(ratios)}: {math.prod(ratios) ** (1 / len(ratios)):.2f}")
    if chosen.save:
        harness.save(chosen.save, {"limits": bounds, **results})


if __name__ == "__main__":
    main(sys.argv[1:])
