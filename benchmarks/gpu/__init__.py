"""`python -m benchmarks.gpu [PART ...]`: what gpunn is worth on this GPU, in one go and within a budget of seconds.

A part is a module with TITLE, SHARE (of the time) and `rows(chosen)`, which yields the rows of its table; `left_out`
and `failed` yield a line instead. Each part runs in a process of its own: a fault that kills it, or the GPU's context
with it, leaves the others alone.
"""
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("machine", "conformance", "equality", "sanitizer", "kernels", "training", "start", "accuracy")


def left_out(text: str) -> dict:
    """Something that could not run here: a missing peer, no time."""
    return {"left out": text}


def failed(text: str) -> dict:
    """Something that ran and is wrong: the whole command ends with status 1."""
    return {"failed": text}


def tell(row: dict):
    print(json.dumps(row), flush=True)
