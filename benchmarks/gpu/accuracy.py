"""From the start of the process to so many of the test images told apart, after an epoch: real data."""
import sys
import time

from . import failed, left_out
from .peers import command
from .process import Ended, Overtime, Process

TITLE, SHARE = "Seconds from the start of a process to an accuracy on the test images", 30
GOALS = (("mnist", 0.99, 20), ("fashion_mnist", 0.92, 30))             # set, accuracy, epochs at most
FEW = (("few", 0.0, 1),)


def rows(chosen):
    for name, target, epochs in FEW if chosen.short else GOALS:
        if chosen.late():
            yield left_out(f"{name}: no time")
        else:
            yield from reached(chosen, name, target, epochs)


def reached(chosen, name: str, target: float, epochs: int):
    words, began = command(sys.executable, "ours_accuracy", name, str(target), str(epochs)), time.monotonic()
    limit = max(1, chosen.left())
    with Process(words, chosen.environment()) as process:
        try:
            answer = process.answer(limit)
        except Ended as error:
            yield (left_out if isinstance(error, Overtime) else failed)(f"{name}: {error}")
            return
    if "left out" in answer:
        yield answer
        return
    yield {"data": name, "goal": target, "reached": answer["accuracy"], "epochs": answer["epochs"],
           "seconds": time.monotonic() - began}
    if answer["accuracy"] < target:
        yield failed(f"{name}: {answer['accuracy']:.4f} after {answer['epochs']} epochs, {target} was the goal")
