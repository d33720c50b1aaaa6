"""Data sets whose samples are made when they are asked for, in batches."""
from copy import copy

import numpy as np

from ..backend import rng
from .pydataset import PyDataset, batches


class Batches(PyDataset):
    """`make(numbers)` gives x, or (x, y), of these samples; in another order at each epoch, if shuffled."""

    def __init__(self, make, numbers, batch_size=32, shuffle=False, seed=None, **about):
        super().__init__()
        self.make, self.numbers, self.batch_size, self.shuffle = make, np.asarray(numbers), batch_size, shuffle
        self.seed, self.epoch = rng.next_seed() if seed is None else seed, 0
        vars(self).update(about)                    # class_names, file_paths
        self.reorder()

    def reorder(self):
        self.order = self.numbers
        if self.shuffle:
            self.order = self.numbers[rng.permutation(self.seed, self.epoch, len(self.numbers))]

    def on_epoch_end(self):
        self.epoch += 1
        self.reorder()

    def __len__(self):
        return -(-len(self.numbers) // (self.batch_size or 1))

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        size = self.batch_size or 1
        made = self.make(self.order[index * size:(index + 1) * size])
        if self.batch_size is not None:
            return made
        return tuple(part[0] for part in made) if isinstance(made, tuple) else made[0]

    def __iter__(self):
        return batches(self, range(len(self)))

    def map(self, function) -> "Batches":
        """The same data set with function(x) or function(x, y) of each batch."""
        def make(numbers):
            made = self.make(numbers)
            return function(*made) if isinstance(made, tuple) else function(made)
        return self.part(self.numbers, make=make)

    def part(self, numbers, **changed) -> "Batches":
        """Some of the samples."""
        part = copy(self)
        if numbers is not self.numbers:
            vars(part).pop("file_paths", None)
        vars(part).update(changed, numbers=numbers, epoch=0)
        part.reorder()
        return part
