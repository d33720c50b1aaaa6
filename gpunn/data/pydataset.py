"""PyDataset: a data set that makes batch number i when asked for it."""
from concurrent.futures import ThreadPoolExecutor


class PyDataset:
    """Subclass and define `__len__` (or `num_batches`) and `__getitem__(i) -> (x, y)`; `on_epoch_end` may shuffle.

    `workers` threads prepare up to `max_queue_size` batches ahead, in order.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index)")

    @property
    def num_batches(self):
        return len(self) if hasattr(self, "__len__") else None

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch."""


def batches(dataset: PyDataset, order):
    """The batches with these numbers, some prepared ahead by threads when the data set has workers."""
    dataset.on_epoch_begin()
    workers = getattr(dataset, "workers", 1)
    try:
        if workers <= 1:
            yield from (dataset[i] for i in order)
        else:
            with ThreadPoolExecutor(workers) as pool:
                yield from _ahead(pool, dataset, iter(order), getattr(dataset, "max_queue_size", 10))
    finally:
        dataset.on_epoch_end()


def _ahead(pool, dataset, order, depth: int):
    waiting = [pool.submit(dataset.__getitem__, i) for i, _ in zip(order, range(depth), strict=False)]
    while waiting:
        yield waiting.pop(0).result()
        waiting.extend(pool.submit(dataset.__getitem__, i) for i in [next(order, None)] if i is not None)
