"""What the command was told; a part gets the same words, with the seconds that are its own."""
import argparse
import importlib
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import PARTS, ROOT

DAY = time.strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Chosen:
    parts: tuple
    device: str
    plugin: str
    short: bool
    seconds: float
    peer_python: str
    results: Path
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        return self.seconds - (time.monotonic() - self.began)

    def late(self) -> bool:
        return self.left() <= 0

    def words(self) -> list[str]:
        """The options once more, for a process."""
        return [*(["--short"] if self.short else []), "--device", self.device, "--plugin", self.plugin,
                "--seconds", str(self.seconds), "--peer-python", self.peer_python]

    def within(self, seconds: float) -> "Chosen":
        return replace(self, seconds=seconds, began=time.monotonic())

    def backend(self):
        """gpunn's backend of the device, in use from now on."""
        from gpunn import backend
        self.prepare()
        backend.use(self.device)
        return backend.current()

    def prepare(self):
        if self.plugin:
            importlib.import_module(self.plugin).install()

    @property
    def peers_device(self) -> str:
        """As PyTorch and JAX call it."""
        return "cuda" if self.device.startswith("cuda") else "cpu"

    def environment(self) -> dict[str, str]:
        """For contenders: each finds its device here."""
        return {"GPUNN_DEVICE": self.device, "BENCHMARK_PLUGIN": self.plugin, "BENCHMARK_DEVICE": self.peers_device,
                "BENCHMARK_SHORT": "1" if self.short else ""}


def options(arguments: list[str]) -> Chosen:
    parser = argparse.ArgumentParser("benchmarks.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"{', '.join(PARTS)}, or modules of your own, dotted")
    parser.add_argument("--device", default="cuda", help="a device of gpunn")
    parser.add_argument("--plugin", default="", help="a module whose install() registers the device")
    parser.add_argument("--short", action="store_true", help="tiny sizes: shows that everything runs")
    parser.add_argument("--seconds", type=float, default=470, help="the whole command ends by then")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python where the peers are installed")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", help="a folder")
    return Chosen(**vars(parser.parse_args(arguments)))
