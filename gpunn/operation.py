"""Operation: a function with a name that works on values and, as a node of a graph, on symbols."""
from . import _objects
from ._names import auto_name
from .symbol import Node, Symbol, by_trial
from .tree import flatten, map_structure


class Operation(_objects.Configured):
    """Subclasses define `call`; and `compute_output_spec`, symbols for symbols, where a trial on zeros will not do."""

    def __init__(self, name: str | None = None):
        self.name = name or auto_name(type(self))

    def call(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must define call(self, ...)")

    def compute_output_spec(self, *args, **kwargs):
        return by_trial(self.call, args, kwargs)

    def symbolic_call(self, *args, **kwargs):
        """The symbols of a node of the graph."""
        made = self.compute_output_spec(*args, **kwargs)
        outputs = iter(Node(self, args, kwargs, flatten(made), self.name).outputs)
        return map_structure(lambda _: next(outputs), made)

    def __call__(self, *args, **kwargs):
        symbolic = any(isinstance(a, Symbol) for a in flatten([list(args), kwargs]))
        return (self.symbolic_call if symbolic else self.call)(*args, **kwargs)

    def get_config(self) -> dict:
        return {"name": self.name, **super().get_config()}
