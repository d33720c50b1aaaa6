"""Near misses: every error about an unknown name offers the closest known ones."""
import difflib
import re
from itertools import count


def suggest(name, known) -> str:
    """"; did you mean 'relu'?", or the whole list where it is short, or nothing."""
    known = sorted({str(k) for k in known})
    lower = {k.lower(): k for k in sorted(known, key=lambda k: k.islower() == str(name).islower())}
    near = [lower[k] for k in difflib.get_close_matches(str(name).lower(), lower, 3, 0.6)]
    near = near or [k for k in known if "".join(word[:1] for word in k.split("_")) == str(name)]         # lr
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 12 else ""


class UnknownArgument(TypeError, ValueError):
    """For Python an argument that nobody takes is a TypeError, for Keras a ValueError."""


def refuse_unknown(who: str, unknown: dict, known):
    """Raise for keyword arguments that nobody takes, with the nearest names that exist."""
    for name in unknown:
        raise UnknownArgument(f"{who}: unknown argument {name!r}{suggest(name, known)}")


def require(who: str, name: str, right: bool, expected: str, value):
    """Raise for an argument that is not right."""
    if not right:
        raise ValueError(f"{who}: {name} must be {expected}, got {value!r}")


def one_of(who: str, name: str, value, known):
    """The argument, which must be one of those that are known."""
    if value not in known:
        *most, last = map(repr, known)
        near = re.sub("; known.*", "", suggest(value, known))
        raise ValueError(f"{who}: {name} must be {', '.join(most)} or {last}, got {value!r}{near}")
    return value


_used: dict[str, count] = {}
_numbers: dict[str, count] = {}


def auto_name(thing: type) -> str:
    """"dense", "dense_1", ...: a name for the next nameless object of a class."""
    prefix = snake_case(thing.__name__)
    number = next(_used.setdefault(prefix, count()))
    return f"{prefix}_{number}" if number else prefix


def get_uid(prefix: str = "") -> int:
    """1, 2, ... for each prefix."""
    return next(_numbers.setdefault(prefix, count(1)))


def reset_uids():
    """Automatic names start again, as in a fresh process."""
    _used.clear()
    _numbers.clear()


class name_scope:                   # noqa: N801 - Keras' name
    """Inside, the paths of new variables and layers begin with the name."""
    _open: list = []

    def __init__(self, name: str, **options):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"name_scope: name must be a string without '/', got {name!r}")
        self.name = name

    def __enter__(self):
        self._open.append(self.name)
        return self

    def __exit__(self, *error):
        self._open.pop()


def scoped(name: str) -> str:
    """The path of something new with this name."""
    return "/".join([*name_scope._open, name])


def snake_case(name: str) -> str:
    """MaxPooling2D -> max_pooling2d"""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().lstrip("_")
