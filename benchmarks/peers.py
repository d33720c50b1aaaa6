"""`python -m benchmarks.peers tiny|decks --peer-python PATH [--rounds N] [--save FILE]`: gpunn and a peer in turn.

Each runs in a process of its own and waits while the other has its round; PATH is a Python where the peer is installed.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

from . import harness

PEERS = {"tiny": ("PyTorch eager", "torch_eager"), "decks": ("Keras 3 on PyTorch", "keras_torch")}


class Contender:
    """A process that plays one round at a time."""

    def __init__(self, python: str, module: str, workload: str):
        self.process = subprocess.Popen([python, "-m", f"benchmarks.contenders.{module}", workload],
                                        cwd=Path(__file__).parents[1],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line.startswith("{"):
            raise RuntimeError(f"{self.process.args} ended without an answer")
        return json.loads(line)

    def round(self) -> dict:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("benchmarks.peers")
    parser.add_argument("workload", choices=sorted(PEERS))
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args(arguments)
    name, module = PEERS[options.workload]
    contenders = {"gpunn": Contender(sys.executable, "ours", options.workload),
                  name: Contender(options.peer_python, module, options.workload)}
    rounds = {n: [] for n in contenders}
    for i in range(options.rounds):
        for n in list(contenders)[::-1 if i % 2 else 1]:
            rounds[n].append(contenders[n].round())
            print(f"round {i + 1}  {n:<20} " + "  ".join(f"{k} {v:.6g}" for k, v in rounds[n][-1].items()), flush=True)
    for c in contenders.values():
        c.close()
    result = harness.summary({n: [r["seconds"] for r in rs] for n, rs in rounds.items()})
    print(harness.table(options.workload, result))
    if options.save:
        harness.save(options.save, {options.workload: {n: {**row, "rounds": rounds[n]} for n, row in result.items()}})


if __name__ == "__main__":
    main(sys.argv[1:])
