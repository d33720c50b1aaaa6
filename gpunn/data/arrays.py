"""A data set in memory: it goes to the device once; each step gathers its batch there, in the epoch's order."""
import numpy as np

from ..backend import asarray, current, kernels_of, persistent, rng, to_numpy
from ..tensor import Tensor
from ..tree import flatten, map_structure
from .stream import BatchFeed


class ArrayFeed:
    """Batches of (x, y, sample_weight), nested as given; None where there is none."""
    can_restart, steps_at_once = True, 1

    def __init__(self, data, batch_size: int = 32, shuffle: bool = False, steps: int | None = None):
        self.length = _length(data)
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, None
        self.steps = -(-self.length // batch_size) if steps is None else steps
        self.taken, self.done, self.size, self.pass_began = 0, self.length, 0, 0
        self.place(data)

    def place(self, data):
        """Where the samples lie, in which order they come, and which is the next."""
        self.arrays = map_structure(lambda a: None if a is None else persistent(asarray(a)), data)
        self.order = persistent(asarray(np.arange(self.length, dtype=np.int32)))
        self.cursor = persistent(asarray(np.zeros(1, np.int32)))

    def reorder(self, order):
        kernels_of(self.order).copy(asarray(order), out=self.order)

    def go_to(self, sample: int):
        kernels_of(self.cursor).fill(sample, self.cursor)

    def start(self, epoch: int):
        """A new epoch; a new pass over the data, unless `steps` left some of the last one."""
        self.taken = 0
        if self.done >= self.length:
            self.seed = rng.next_seed() if self.shuffle else None       # drawn now, so that a later fit goes on alike
            self.begin_pass(epoch)

    def restart(self):
        """From the first sample on, wherever the last pass stopped."""
        self.done = self.length
        self.start(0)

    def begin_pass(self, epoch: int):
        """Another order, a function of the seed and the epoch alone."""
        self.done, self.pass_began = 0, epoch
        self.go_to(0)
        if self.shuffle:
            self.reorder(rng.permutation(self.seed, epoch, self.length))

    def advance(self, most: int = 1):
        """The key of the program for the next batches, of one size and at most so many: how many, and their size.
        None at the end of the epoch or of the data."""
        left = self.length - self.done
        self.size = min(self.batch_size, left)
        if self.taken >= self.steps or not self.size:
            return None
        self.steps_at_once = min(most, self.steps - self.taken, left // self.size)
        self.taken += self.steps_at_once
        self.done += self.size * self.steps_at_once
        return self.steps_at_once, self.size

    def batch(self):
        """Inside the step: gather the batch, move the cursor."""
        arrays = tuple([a for a in flatten(self.arrays) if a is not None])
        rows = kernels_of(self.order).gather_batches(arrays, self.order, self.cursor, self.size)
        rng.later(self.cursor, self.size)
        found = dict(zip(map(id, arrays), rows, strict=True))
        return map_structure(lambda a: None if a is None else Tensor(found[id(a)]), self.arrays)

    def position(self) -> dict:
        """Where we are in the data: plain numbers, for `seek`."""
        return {"seed": self.seed, "pass": self.pass_began, "done": self.done, "taken": self.taken,
                "samples": self.length, "batch_size": self.batch_size}

    def seek(self, position: dict):
        """Go on from there, in the same order."""
        broken_off = position["done"] < position["samples"]
        if broken_off and (position["samples"], position["batch_size"]) != (self.length, self.batch_size):
            raise ValueError(f"fit: the training that was broken off had {position['samples']} samples in batches of "
                             f"{position['batch_size']}, now there are {self.length} in batches of {self.batch_size}")
        self.seed = position["seed"]
        self.begin_pass(position["pass"])
        self.done, self.taken = position["done"] if broken_off else self.length, position["taken"]
        self.go_to(self.done)

    def first(self):
        """A few samples on the host, for checks."""
        return map_structure(lambda a: None if a is None else to_numpy(a[:self.batch_size]), self.arrays)

    def close(self):
        """Nothing to release: the arrays go with this object."""


class HostFeed(ArrayFeed):
    """A data set that the device has no room for: the host gathers a batch, and sends it while the last step runs."""

    def place(self, data):
        self.arrays, self.order, self.sent = data, np.arange(self.length), BatchFeed(current().lanes)

    def reorder(self, order):
        self.order = order

    def go_to(self, sample):
        """`done` says it."""

    def advance(self, most: int = 1):
        first = self.done
        if super().advance() is None:
            return None
        rows = self.order[first:self.done]
        return self.sent.put(map_structure(lambda a: None if a is None else a[rows], self.arrays))

    def batch(self):
        return self.sent.batch()


def _length(data) -> int:
    lengths = {len(a) for a in flatten(data) if a is not None}
    if len(lengths) != 1:
        shapes = [a.shape for a in flatten(data) if a is not None]
        raise ValueError(f"fit: x, y and sample_weight must have the same number of samples; "
                         f"got arrays of shapes {shapes}")
    return lengths.pop()
