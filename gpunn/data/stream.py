"""Batches that come from Python, one by one: generators, PyDatasets, any iterable. Each is copied into a buffer of its shape."""
from ..backend import asarray, kernels_of, persistent
from ..tensor import Tensor
from ..tree import flatten, map_structure
from .host import host_batch


class StreamFeed:
    """`batches()` makes an iterator of host batches (x, y, sample_weight) for one epoch."""

    def __init__(self, batches, steps: int | None, prepare=None, endless: bool = False):
        self.batches, self.steps, self.endless = batches, steps, endless
        self.prepare = prepare or (lambda batch: batch)
        self.buffers, self.iterator, self.ahead = {}, None, []
        self.key, self.size, self.done = None, 0, 0

    def start(self, epoch: int):
        self.done = 0
        if self.iterator is None or not self.endless:
            self.iterator = iter(self.batches())

    def first(self):
        """The first batch, for checks; it will be delivered again."""
        if self.iterator is None:
            self.iterator = iter(self.batches())
        if not self.ahead:
            self.ahead = [self.prepare(host_batch(item)) for item in self.take()]
            if not self.ahead:
                raise ValueError("fit: the data is empty: the generator or data set gave no batch")
        return self.ahead[0]

    def take(self):
        for item in self.iterator:
            return [item]
        return []

    def advance(self):
        """Copy the next batch into the buffers of its shape; their key, or None at the end of the epoch."""
        if self.steps is not None and self.done >= self.steps:
            return None
        found, self.ahead = self.ahead or [self.prepare(host_batch(item)) for item in self.take()], []
        if not found:
            return None
        self.done += 1
        arrays = [None if a is None else asarray(a) for a in flatten(found[0])]
        self.key = tuple(None if a is None else (a.shape, a.dtype.name) for a in arrays)
        if self.key not in self.buffers:
            self.buffers[self.key] = map_structure(lambda a: None if a is None else persistent(kernels_of(asarray(a)).copy(asarray(a))),
                                                   found[0])
        else:
            for buffer, a in zip(flatten(self.buffers[self.key]), arrays, strict=True):
                if a is not None:
                    kernels_of(buffer).copy(a, out=buffer)
        self.size = next(len(a) for a in arrays if a is not None)
        return self.key

    def batch(self):
        """Inside the step: the buffers, as they are."""
        return map_structure(lambda a: None if a is None else Tensor(a), self.buffers[self.key])

    def close(self):
        """End a generator that we started, so that its `finally` runs now."""
        if hasattr(self.iterator, "close") and not self.endless:
            self.iterator.close()
