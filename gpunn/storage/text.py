"""JSON without its liberties: no duplicate keys, no NaN or infinity, no numbers without end, no deep nesting."""
import json
import math
from collections import Counter

MAX_DEPTH, MAX_PARTS = 64, 1_000_000


class FormatError(ValueError):
    """A file that is not what it should be: cut off, corrupt, hostile, or another format."""


def write_json(value) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def read_json(text: str, what: str = "the description"):
    """The value of a text that `write_json` could have written; FormatError for any other."""
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise FormatError(f"{what} has more than {MAX_PARTS} parts")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_number, parse_float=_number)
        json.dumps(value, ensure_ascii=False).encode()              # half of a surrogate pair is no character
    except RecursionError:
        raise FormatError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{what} is not valid JSON: {ascii(str(error))[:120]}") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for v in level if isinstance(v, dict | list) for part in (v.values() if type(v) is dict else v)]
        if not level:
            return value
    raise FormatError(f"{what} is nested deeper than {MAX_DEPTH}")


def _object(pairs) -> dict:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(f"{Counter(key for key, _ in pairs).most_common(1)[0][0][:60]!r} occurs twice")
    return value


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is not a number")
    return value
