"""What a layer's methods ask for: read once for each class, so that a call costs no inspection."""
import inspect

from .._objects import option_names


class Signature:
    """The parameters of `call`: which is the input, whether training and masks are wanted."""

    def __init__(self, call):
        self.parameters = list(inspect.signature(call).parameters.values())[1:]
        self.names = [p.name for p in self.parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.first = self.names[0] if self.names else "inputs"
        self.training = "training" in self.names
        self.mask = "mask" in self.names
        self.default = next((bool(p.default) for p in self.parameters
                             if p.name == "training" and p.default is not p.empty), False)
        # query -> query_mask: further tensors whose masks have an argument of their own
        self.masks = [(i, n, f"{n}_mask") for i, n in enumerate(self.names) if f"{n}_mask" in self.names]

    def bound(self, args, options) -> dict:
        """Argument name -> value, for those that were given."""
        return {**dict(zip(self.names, args)), **options}

    def missing(self, args, options) -> str | None:
        """The first argument that must be given and is not."""
        given = self.bound(args, options)
        return next((p.name for p in self.parameters if p.default is p.empty and p.name in self.names
                     and p.name not in given), None)


def shape_names(method) -> list[str]:
    """The shapes that a `build` or `compute_output_shape` wants, by name."""
    return [p.name for p in inspect.signature(method).parameters.values()
            if p.name != "self" and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def config_names(cls) -> list[str]:
    """A constructor's arguments; where it hands **kwargs on, those of the library's class too."""
    names = []
    for base in cls.__mro__:
        if "__init__" in vars(base):
            names += option_names(base)
            if base.__module__.startswith("gpunn."):
                break
    return list(dict.fromkeys(names))
