"""Nested lists, tuples and dictionaries as one thing; everything else is a leaf."""
from numbers import Integral


def is_nested(structure) -> bool:
    return isinstance(structure, list | tuple | dict)


def parts_of(structure) -> list:
    """[(key or index, part), ...]"""
    return [(k, structure[k]) for k in sorted(structure)] if isinstance(structure, dict) else list(enumerate(structure))


def rebuilt(structure, f):
    """The nesting with f(key or index, part) in the place of each part."""
    made = {key: f(key, part) for key, part in parts_of(structure)}
    if isinstance(structure, dict):
        return type(structure)((key, made[key]) for key in structure)
    return type(structure)(*made.values()) if hasattr(structure, "_fields") else type(structure)(made.values())


def flatten_with_path(structure) -> list:
    """[((key or index, ...), leaf), ...]"""
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, part in parts_of(structure) for path, leaf in flatten_with_path(part)]


def lists_to_tuples(structure):
    """The same with tuples instead of lists."""
    made = rebuilt(structure, lambda _, part: lists_to_tuples(part)) if is_nested(structure) else structure
    return tuple(made) if isinstance(made, list) else made


def pack_sequence_as(structure, flat_sequence):
    """The leaves of a flat list in the nesting of a structure."""
    leaves, count = list(flat_sequence), len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(f"pack_sequence_as: the structure has {count} leaves, flat_sequence {len(leaves)}")
    in_order = iter(leaves)

    def packed(_, part):
        return rebuilt(part, packed) if is_nested(part) else next(in_order)
    return packed(None, structure)


def map_structure_up_to(shallow_structure, func, *structures):
    """func where `shallow_structure` has a leaf; what lies deeper in the others is handed over as it is."""
    if not is_nested(shallow_structure):
        return func(*structures)
    return rebuilt(shallow_structure, lambda key, part: map_structure_up_to(part, func, *[s[key] for s in structures]))


def is_shape(value) -> bool:
    """A tuple or list of sizes and None."""
    return isinstance(value, list | tuple) and all(n is None or isinstance(n, Integral) for n in value)


def map_shape_structure(func, structure):
    """func on every shape."""
    if is_shape(structure):
        return func(tuple(structure))
    return rebuilt(structure, lambda _, part: map_shape_structure(func, part)) if is_nested(structure) else structure


class MAP_TO_NONE:
    """What a function of `traverse` returns to say None, for None means: go on inside."""


def traverse(func, structure, top_down: bool = True):
    """func on every part and leaf: what it returns takes the place, None keeps the part and goes on inside."""
    made = func(structure) if top_down else None
    if made is None and is_nested(structure):
        structure = rebuilt(structure, lambda _, part: traverse(func, part, top_down))
    made = func(structure) if not top_down else made
    return None if isinstance(made, MAP_TO_NONE) or made is MAP_TO_NONE else structure if made is None else made


def assert_same_paths(a, b):
    """Raise where one has a leaf at a path and the other has not."""
    first, second = ({path for path, _ in flatten_with_path(s)} for s in (a, b))
    if first != second:
        raise ValueError(f"assert_same_paths: only a has {sorted(first - second, key=str)}, only b has "
                         f"{sorted(second - first, key=str)}")


def assert_same_structure(a, b):
    """Raise where types, lengths or keys of the nestings differ."""
    if is_nested(a) or is_nested(b):
        if type(a) is not type(b) or [k for k, _ in parts_of(a)] != [k for k, _ in parts_of(b)]:
            raise ValueError(f"assert_same_structure: {a!r} is not nested like {b!r}")
        for (_, first), (_, second) in zip(parts_of(a), parts_of(b)):
            assert_same_structure(first, second)


def flatten(structure) -> list:
    """The leaves, in order (a dictionary's in the order of its sorted keys)."""
    if isinstance(structure, list | tuple):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def map_structure(func, structure, *others):
    """func on every leaf (and on the leaves of `others` at the same places), in the same nesting."""
    if isinstance(structure, list | tuple):
        parts = [map_structure(func, *leaves) for leaves in zip(structure, *others, strict=True)]
        return parts if isinstance(structure, list) else tuple(parts)
    if isinstance(structure, dict):
        return {key: map_structure(func, part, *[o[key] for o in others]) for key, part in structure.items()}
    return func(structure, *others)
