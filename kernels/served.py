"""What served which weights, and what may choose that: both engines write here, `summary(show_engine=True)` reads."""
from weakref import finalize

options = {"deterministic": False}              # no measurement decides who serves
maker = {"product": "own tiles"}                # who made the last matrix product on a GPU
records: dict[int, dict] = {}                   # id of the array that owns the memory -> what was noted of its parts


def _parts(array) -> dict:
    """What is on record for the memory of this array; with it, the record goes"""
    while type(array.base) is type(array):
        array = array.base
    if id(array) not in records:
        records[id(array)] = {}
        finalize(array, records.pop, id(array)).atexit = False
    return records[id(array)]


def note(array, address: int, kernel: str, who: str):
    """`kernel` read these weights, or made this gradient."""
    _parts(array).setdefault((address, array.size), {})[kernel] = who


def served(array) -> dict:
    """Kernel -> who did its work with these weights, or made this gradient; the forward pass comes first"""
    place = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__
    return _parts(array).get((place["data"][0], array.size), {})
