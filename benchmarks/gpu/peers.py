"""Who trains beside gpunn, and the processes in which they wait for their turn."""
import functools
import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from .process import Ended, Process

# name -> (module of benchmarks.contenders, package that it needs)
PEERS = {"PyTorch": ("torch_eager", "torch"), "torch.compile": ("torch_compiled", "torch"),
         "torch CUDA graph": ("torch_graph", "torch"), "JAX jit": ("jax_jit", "jax"), "JAX scan": ("jax_scan", "jax")}
OURS, MANY = "gpunn", "gpunn, steps in one"
START, ROUND = 60, 30           # seconds, at most: to import what it needs; of a round


@functools.cache
def installed(python: str, package: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec(package) is not None
    command = [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"]
    return subprocess.run(command, capture_output=True).returncode == 0


def present(chosen) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """-> (name -> (Python, module)), gpunn first; what is missing, a line a package"""
    python = chosen.peer_python
    there = {name: (python, module) for name, (module, package) in PEERS.items() if installed(python, package)}
    missing = {package for _, package in PEERS.values() if not installed(python, package)}
    return {OURS: (sys.executable, "ours"), **there}, [f"{package} is not installed" for package in sorted(missing)]


def command(python: str, module: str, *words: str) -> list[str]:
    return [python, "-m", f"benchmarks.contenders.{module}", *words]


class Crowd:
    """The contenders' processes, each begun when it is first needed, and anew after it failed."""

    def __init__(self, chosen, contenders: dict[str, tuple[str, str]]):
        self.chosen, self.contenders, self.processes = chosen, contenders, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for name in list(self.processes):
            self.dismiss(name)

    def dismiss(self, name: str):
        self.processes.pop(name).end()

    def prepared(self, workload: str, limit: float) -> dict[str, Ended | None]:
        """All get ready at once, for that is compiling, mostly: name -> None, or why not."""
        with ThreadPoolExecutor(len(self.contenders)) as pool:
            return dict(zip(self.contenders, pool.map(lambda name: self.asked(name, workload, limit), self.contenders)))

    def asked(self, name: str, line: str, limit: float) -> dict | Ended | None:
        """None when it is ready, the answer to a round, or what went wrong."""
        try:
            if name not in self.processes:
                self.processes[name] = Process(command(*self.contenders[name]), self.chosen.environment())
                self.processes[name].answer(min(START, max(1, self.chosen.left())))
            self.processes[name].say(line)
            answer = self.processes[name].answer(limit)
        except Ended as error:
            self.dismiss(name)
            return error
        return answer if "seconds" in answer else None

    def rest(self):
        """Those who still play forget the workload."""
        for process in self.processes.values():
            process.say("end")
