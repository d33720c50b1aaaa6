"""Contenders in processes of their own that play one round at a time: a slow minute is slow for all of them."""
import functools
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Contender:
    """`python -m benchmarks.contenders.MODULE WORKLOAD`, ready when made."""

    def __init__(self, python: str, module: str, workload: str):
        command = [python, "-m", f"benchmarks.contenders.{module}", workload]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{' '.join(self.process.args)} ended without an answer")

    def round(self) -> dict:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@functools.cache
def runs(python: str, module: str) -> bool:
    """Whether what a contender needs is installed there."""
    command = [python, "-c", f"import benchmarks.contenders.{module}"]
    return not subprocess.run(command, cwd=ROOT, capture_output=True).returncode


def play(contenders: dict[str, Contender], rounds: int) -> dict[str, list[dict]]:
    """The answers by name; every other round runs in the opposite order."""
    answers: dict[str, list[dict]] = {name: [] for name in contenders}
    for i in range(rounds):
        for name in list(contenders)[::-1 if i % 2 else 1]:
            answers[name].append(contenders[name].round())
    for contender in contenders.values():
        contender.close()
    return answers
