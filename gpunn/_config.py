"""What holds for the whole program: default dtypes, a small number, where channels lie."""
from ._names import one_of
from ._objects import Configured

FLOATS = ("float16", "bfloat16", "float32", "float64")
REDUCED = FLOATS[:2]            # computed in float32 and rounded: arrays have no such dtype
POLICIES = (*FLOATS, "mixed_float16", "mixed_bfloat16", "bool", "string",
            *[f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)])
FORMATS = ("channels_last", "channels_first")
_set = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": FORMATS[0], "policy": None, "interactive": True}


def floatx() -> str:
    """The dtype of new weights and arrays of floats."""
    return _set["floatx"]


def storage(dtype: str | None = None) -> str:
    """The dtype of the arrays that hold numbers of a dtype, of `floatx` where none is given."""
    name = dtype or _set["floatx"]
    return "float32" if name in REDUCED else name


def set_floatx(value: str):
    """"float32", "float64", "float16" or "bfloat16": the dtype of what is made from now on."""
    _set["floatx"] = one_of("set_floatx", "value", value, FLOATS)


def epsilon() -> float:
    """What keeps divisors and logarithms' arguments away from 0."""
    return _set["epsilon"]


def set_epsilon(value: float):
    _set["epsilon"] = float(value)


def image_data_format() -> str:
    """"channels_last" or "channels_first": the default of every `data_format`."""
    return _set["image_data_format"]


def set_image_data_format(data_format: str):
    _set["image_data_format"] = one_of("set_image_data_format", "data_format", str(data_format).lower(), FORMATS)


def is_interactive_logging_enabled() -> bool:
    """Whether progress is shown as a bar that moves, or as plain lines."""
    return _set["interactive"]


def enable_interactive_logging():
    _set["interactive"] = True


def disable_interactive_logging():
    _set["interactive"] = False


class DTypePolicy(Configured):
    """In which dtype a layer computes and in which it keeps its weights: one for both, or "mixed_float16" and
    "mixed_bfloat16", which keep float32 weights."""
    quantization_mode = None

    def __init__(self, name: str | None = None):
        self.name = dtype_policy().name if name is None else one_of("DTypePolicy", "name", name, POLICIES)
        self.compute_dtype = self.name.removeprefix("mixed_")
        self.variable_dtype = self.name if self.compute_dtype == self.name else "float32"

    def __eq__(self, other):
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self):
        return hash(self.name)

    def __repr__(self):
        return f'<DTypePolicy "{self.name}">'


def dtype_policy() -> DTypePolicy:
    """The policy of new layers."""
    return _set["policy"] or DTypePolicy(floatx())


def set_dtype_policy(policy):
    """A DTypePolicy or its name, for layers that are made from now on."""
    _set["policy"] = as_policy(policy, "set_dtype_policy")


def as_policy(identifier, who: str) -> DTypePolicy:
    """A policy, its name, its config as Keras writes it, a dtype, or None for the policy that is set."""
    if identifier is None or isinstance(identifier, DTypePolicy):
        return identifier or dtype_policy()
    name = identifier.get("config", identifier).get("name") if isinstance(identifier, dict) else identifier
    name = floatx() if name is float else getattr(name, "name", None) or getattr(name, "__name__", name)
    return DTypePolicy(one_of(who, "dtype policy", name, POLICIES))
