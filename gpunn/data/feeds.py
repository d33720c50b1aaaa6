"""From what the user passes to `fit` to a feed: arrays, a PyDataset, a generator, or any iterable of batches."""
from contextlib import suppress
from functools import partial
from numbers import Integral

from ..backend import current, rng
from ..tree import flatten
from .arrays import ArrayFeed, HostFeed
from .host import host, weigh_classes
from .pydataset import PyDataset, batches
from .stream import StreamFeed


def make_feed(x, y=None, sample_weight=None, *, batch_size=None, steps=None, shuffle=False, class_weight=None,
              who="fit"):
    """A feed with `start(epoch)`, `advance(most)`, `batch()`, `size`, `steps`, `steps_at_once`."""
    check(who, x, batch_size, steps)
    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ValueError(f"{who}: x is a {type(x).__name__}, which brings its own targets and weights; "
                             "do not pass y or sample_weight")
        return stream(x, steps, shuffle, class_weight)
    data = host(x, "x"), host(y, "y"), host(sample_weight, "sample_weight")
    if class_weight is not None:
        data = (data[0], data[1], weigh_classes(data[1], data[2], class_weight))
    feed = data, batch_size or 32, shuffle, steps
    if current().has_room(sum(a.nbytes for a in flatten(data) if a is not None)):
        with suppress(MemoryError):
            return ArrayFeed(*feed)
    return HostFeed(*feed)


def check(who: str, x, batch_size, steps):
    if x is None:
        raise ValueError(f"{who}: argument 'x' is missing")
    whole(who, batch_size=batch_size, steps_per_epoch=steps)


def whole(who: str, least: int = 1, **counts):
    """Raise for what is neither None nor a whole number that is large enough."""
    for name, value in counts.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < least):
            raise ValueError(f"{who}: {name} must be an integer >= {least}, got {value!r}")


def is_stream(x) -> bool:
    """Iterables of batches; lists, tuples, dicts and arrays are samples."""
    return isinstance(x, PyDataset) or (hasattr(x, "__iter__") and not hasattr(x, "__array__")
                                        and not isinstance(x, list | tuple | dict | str | bytes))


def stream(x, steps, shuffle, class_weight):
    weigh = partial(_weighed, class_weight) if class_weight is not None else None
    if isinstance(x, PyDataset) or hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        return StreamFeed(_Numbered(x, shuffle), len(x) if steps is None else min(steps, len(x)), weigh)
    endless = hasattr(x, "__next__")                    # a generator: goes on where it stopped, epoch after epoch
    return StreamFeed(lambda: x, steps, weigh, endless)


class _Numbered:
    """The batches of a data set with numbers, in an order of the epoch's."""

    def __init__(self, dataset, shuffle: bool):
        self.dataset, self.epoch, self.seed = dataset, 0, rng.next_seed() if shuffle else None

    def __call__(self):
        n = len(self.dataset)
        order = range(n) if self.seed is None else rng.permutation(self.seed, self.epoch, n).tolist()
        self.epoch += 1
        return batches(self.dataset, order) if isinstance(self.dataset, PyDataset) else (self.dataset[i] for i in order)


def _weighed(class_weight, batch):
    x, y, weight = batch
    return x, y, weigh_classes(y, weight, class_weight)
