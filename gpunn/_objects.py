"""Objects by name and by config: initializers, losses, layers ... as strings, as {"class_name", "config"}, and back.

Names are looked up in the tables that are handed in and among what the user registered; nothing is ever
imported by path.
"""
import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from ._names import refuse_unknown, suggest

_custom: dict[str, object] = {}
_scope: ContextVar[dict] = ContextVar("scope")         # known inside a custom_object_scope, in its thread


def register_keras_serializable(package: str = "Custom", name: str | None = None):
    """Decorator: make a class or function known by name, so that configs and model files can refer to it."""
    def register(thing):
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"register_keras_serializable: {thing.__name__} has no get_config(self)")
        thing._registered_name = f"{package}>{name or thing.__name__}"
        _custom[thing._registered_name] = thing
        return thing
    return register


@contextmanager
def custom_object_scope(custom_objects: dict):
    """Inside, the names of `custom_objects` are known."""
    before = _scope.set({**_scope.get({}), **(custom_objects or {})})
    try:
        yield
    finally:
        _scope.reset(before)


CustomObjectScope = custom_object_scope


def option_names(cls) -> list[str]:
    """The arguments of a class' own constructor, without the base's."""
    return [p.name for p in list(inspect.signature(cls.__init__).parameters.values())[1:]
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def keywords(cls) -> list[str]:
    """Every keyword that a class or one of its bases takes."""
    return [name for base in cls.__mro__[:-1] if "__init__" in vars(base) for name in option_names(base)]


@cache
def _takes(cls) -> dict:
    return inspect.signature(cls.__init__).parameters


def strict(cls, *args, **options):
    """A `__new__` that refuses keywords which the constructor does not take."""
    takes = _takes(cls)
    if options and all(p.kind is not p.VAR_KEYWORD for p in takes.values()):
        refuse_unknown(cls.__name__, [name for name in options if name not in takes], takes.keys() - {"self"})
    return object.__new__(cls)


class Configured:
    """An object whose config is its constructor's arguments, which it keeps in attributes of the same names."""
    __new__ = strict

    def get_config(self) -> dict:
        return {name: getattr(self, name) for name in option_names(type(self)) if hasattr(self, name)}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def with_values(variables, values, f):
    """f() while the variables hold these values, and what they hold after it; then they get their own back."""
    before = [v.data.copy() for v in variables]
    try:
        for v, value in zip(variables, values, strict=True):
            v.assign(value)
        return f(), [v.data.copy() for v in variables]
    finally:
        for v, own in zip(variables, before):
            v.assign(own)


def save_arrays(store, variables):
    for i, v in enumerate(variables):
        store[str(i)] = v.numpy().copy()


def load_arrays(store, variables, who: str):
    if len(store) != len(variables):
        raise ValueError(f"{who}: expected {len(variables)} arrays, got {len(store)}. Fix: build it first")
    for i, v in enumerate(variables):
        v.assign(store[str(i)])


def get_custom_objects() -> dict:
    """The dictionary of registered names itself."""
    return _custom


def get_registered_name(obj) -> str:
    return vars(obj).get("_registered_name", obj.__name__)


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None):
    return {**(module_objects or {}), **_custom, **_scope.get({}), **(custom_objects or {})}.get(name)


def find(kind: str, name: str, known: dict, custom_objects: dict | None = None):
    """What the user registered under this name, or the library's own; "package>name" is a user's for certain."""
    if not isinstance(name, str):
        raise ValueError(f"{kind}: expected a name, got {name!r}")
    package, _, short = name.rpartition(">")
    found = get_registered_object(name, custom_objects) or {**_scope.get({}), **(custom_objects or {})}.get(short)
    if found is None and not package:
        found = known.get(name) or next((v for k, v in _custom.items() if k.endswith(f">{name}")), None)
    if found is None:
        fix = f". Fix: register it, or pass custom_objects={{{short!r}: ...}}" if package else ""
        raise ValueError(f"unknown {kind} {short!r}{suggest(name, [*known, *_custom])}{fix}")
    return found


def get(kind: str, identifier, known: dict, custom_objects: dict | None = None):
    """None, a name, a config, a class or a ready object -> the object."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = find(kind, identifier, known, custom_objects)
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        return deserialize(kind, identifier, known, custom_objects)
    if callable(identifier) or hasattr(identifier, "get_config"):
        return identifier() if inspect.isclass(identifier) else identifier
    raise ValueError(f"{kind}: expected a name, a config or an object, got {identifier!r}")


def deserialize(kind: str, config, known: dict, custom_objects: dict | None = None):
    """The object of {"class_name": ..., "config": ...}; further keys, which Keras writes, are not needed."""
    if config is None or isinstance(config, str):
        return get(kind, config, known, custom_objects)
    if "class_name" not in config:
        raise ValueError(f"{kind}: expected a config with 'class_name' and 'config', got the keys {sorted(config)}")
    name, inner, registered = config["class_name"], config.get("config", {}), config.get("registered_name")
    if name == "__lambda__":
        raise ValueError(f"{kind}: this config holds Python code, which gpunn never runs. Fix: give the function a "
                         "name and register it (gpunn.saving.register_keras_serializable)")
    own = registered if isinstance(registered, str) and ">" in registered else None
    if name == "function":                              # Keras writes a function as its name
        return find(kind, own or inner, known, custom_objects)
    found = find(kind, own or name, known, custom_objects)
    if not inspect.isclass(found):
        raise ValueError(f"{kind}: expected the name of a class, but {name!r} is a function")
    with custom_object_scope(custom_objects):
        return found.from_config(inner) if hasattr(found, "from_config") else found(**inner)


def serialize(thing):
    """A name for a function, {"class_name", "config"} for an object, None for None. What is not the library's own
    carries its registered name, so that it is never mistaken for something of the library with the same name."""
    if thing is None or isinstance(thing, str | dict):
        return thing
    plain = inspect.isfunction(thing) or not hasattr(thing, "get_config")
    kind = thing if hasattr(thing, "__name__") else type(thing)
    name, registered = kind.__name__, get_registered_name(kind)
    if name == "<lambda>":
        raise ValueError("a lambda has no name, so it has no config. Fix: define it with def, and register it "
                         "(gpunn.saving.register_keras_serializable)")
    ours = kind.__module__ is not None and kind.__module__.startswith("gpunn.")
    mark = {} if ours else {"registered_name": registered if ">" in registered else f"Custom>{registered}"}
    if plain:
        return {"class_name": "function", "config": name, **mark} if mark else name
    return {"class_name": name, "config": thing.get_config(), **mark}


def lookups(kind: str, known: dict):
    """`get(identifier)` and `deserialize(config, custom_objects)` for the objects of a table."""
    def get_one(identifier):
        return get(kind, identifier, known)

    def deserialize_one(config, custom_objects: dict | None = None):
        return deserialize(kind, config, known, custom_objects)
    for name, f, meaning in (("get", get_one, "None, a name, a config, a class or a ready object -> the object."),
                             ("deserialize", deserialize_one, f"The {kind} of a name or config.")):
        f.__name__, f.__qualname__, f.__doc__ = name, name, meaning
    return get_one, deserialize_one


def constructor(start, defaults: dict, more: bool = False):
    """An `__init__` with these arguments and defaults, in this order; it hands them to `start(self, **values)`, with
    `more` also a dictionary `kwargs` of all further ones."""
    named = {"self": inspect.Parameter.empty, **defaults}
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
                  for name, default in named.items()]
    signature = inspect.Signature([*parameters, *[inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)] * more])

    def __init__(self, *args, **options):
        given = signature.bind(self, *args, **options)
        given.apply_defaults()
        start(**given.arguments)
    __init__.__signature__ = signature
    return __init__


class Declared:
    """A class that lists its constructor's arguments and their defaults as `options`; `start` takes their values."""
    options: dict = {}
    __new__ = strict

    def __init_subclass__(cls):
        if "options" in vars(cls):
            cls.__init__ = constructor(lambda self, **values: self.start(**values), cls.options)
