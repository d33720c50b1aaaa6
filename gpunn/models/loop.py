"""Steps over a feed: each shape of batch gets a program of its own, recorded at its third step."""
from ..backend import current
from ..backend.memory import layout_version
from ..backend.program import Program


class Loop:
    """`run(key)` performs `step(data)` on the batches that the feed advanced to, and returns the last result."""

    def __init__(self, step, feed, source, *, eager: bool, pure: bool, what: str, variant=lambda: None):
        self.step, self.feed, self.source = step, feed, source
        self.eager, self.pure, self.what, self.variant = eager, pure, what, variant
        self.programs = {}

    def run(self, key):
        key = key, self.variant(), layout_version()
        program = self.programs.get(key)
        if program is None:
            program = self.programs[key] = Program(current(), self.whole_step, eager=self.eager, pure=self.pure,
                                                   what=self.what)
        result = program()
        if program.eager and not self.eager:
            self.eager = True                           # what cannot be recorded is not tried again for another shape
        return result

    @property
    def bytes(self) -> int:
        """What all programs keep for their temporaries."""
        return sum([program.recorder.bytes for program in self.programs.values()])

    def whole_step(self):
        for _ in range(self.feed.steps_at_once):
            with self.source.step():
                result = self.step(self.feed.batch())
        return result
