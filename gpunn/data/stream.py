"""Batches that come from Python, one by one: generators, PyDatasets, iterables. A buffer of its shape takes each."""
from itertools import islice

from ..backend import current
from ..backend.base import host_array
from ..tensor import Tensor
from ..tree import flatten, map_structure
from .host import host_batch


class BatchFeed:
    """The batch that was put in last, in a buffer of its shape: what train_on_batch works on."""

    steps_at_once = 1

    def __init__(self, lanes: int = 1):
        self.lanes, self.key, self.size, self.host = {}, None, 0, None
        self.turn, self.turns = 0, lanes

    def put(self, data):
        """Send a host batch (x, y, sample_weight) to the buffers of its shape whose turn it is; returns their key."""
        self.host, parts = data, flatten(data)
        arrays = [host_array(a) for a in parts if a is not None]
        if self.key is not None:
            self.lanes[self.key].release()
        self.size, self.turn = len(arrays[0]), (self.turn + 1) % self.turns
        self.key = self.turn, tuple([a is None for a in parts]), tuple([(a.shape, a.dtype.name) for a in arrays])
        if self.key not in self.lanes:
            self.lanes[self.key] = current().lane(arrays)
        self.lanes[self.key].fill(arrays)
        return self.key

    def first(self):
        return self.host

    def batch(self):
        """Inside the step: the buffers, as they are."""
        buffers = {id(a): b for a, b in zip([a for a in flatten(self.host) if a is not None],
                                            self.lanes[self.key].buffers, strict=True)}
        return map_structure(lambda a: None if a is None else Tensor(buffers[id(a)]), self.host)


class StreamFeed(BatchFeed):
    """`batches()` makes an iterator of host batches for an epoch; an endless one goes on where the last stopped."""

    def __init__(self, batches, steps: int | None, prepare=None, endless: bool = False):
        super().__init__(current().lanes)
        self.batches, self.steps, self.endless = batches, steps, endless
        self.prepare = prepare or (lambda batch: batch)
        self.iterator, self.ahead, self.done, self.can_restart = None, [], 0, not endless
        self.delivered = 0

    def start(self, epoch: int):
        self.done = 0
        if self.iterator is None or not self.endless and not self.ahead:
            self.iterator = iter(self.batches())

    def restart(self):
        self.start(0)

    def next(self) -> list:
        """[the next batch], or nothing at the end."""
        found, self.ahead = self.ahead, []
        return found or [self.prepare(host_batch(item)) for item in islice(self.iterator, 1)]

    def first(self):
        """The first batch, for checks; it will be delivered again."""
        if self.iterator is None:
            self.iterator = iter(self.batches())
        self.ahead = self.next()
        if not self.ahead:
            raise ValueError("the data is empty: the generator or data set gave no batch")
        return self.ahead[0]

    def advance(self, most: int = 1):
        """Fetch the next batch; the key of its buffers, or None at the end of the epoch. One at a time."""
        over = self.iterator is None or self.steps is not None and self.done >= self.steps
        found = [] if over else self.next()
        if not found:
            self.close()
            return None
        self.done += 1
        self.delivered += 1
        return self.put(found[0])

    def position(self) -> dict:
        """Where we are in the data: plain numbers, for `seek`."""
        begun = self.iterator is not None and not self.endless
        return {"epoch": getattr(self.batches, "epoch", 0) - begun, "seed": getattr(self.batches, "seed", None),
                "begun": begun, "done": self.done, "delivered": self.delivered}

    def seek(self, position: dict):
        """Go on from there; what was delivered before is fetched once more, and passed over."""
        skipped = position["delivered"] - self.delivered if self.endless else position["begun"] * position["done"]
        if not self.endless:
            self.close()
            self.ahead = []
            if hasattr(self.batches, "epoch"):
                self.batches.epoch, self.batches.seed = position["epoch"], position["seed"]
        if skipped:
            self.start(0)
        for _ in range(skipped):
            self.next()
        self.done, self.delivered = position["done"], position["delivered"]

    def close(self):
        """End an iterator that we started, so that its `finally` runs now."""
        if self.endless:
            return
        if hasattr(self.iterator, "close"):
            self.iterator.close()
        self.iterator = None
