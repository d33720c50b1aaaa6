"""Nested lists, tuples and dictionaries as one thing; everything else is a leaf."""


def flatten(structure) -> list:
    """The leaves, in order (a dictionary's in the order of its sorted keys)."""
    if isinstance(structure, list | tuple):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def map_structure(f, structure, *others):
    """f on every leaf (and on the leaves of `others` at the same places), in the same nesting."""
    if isinstance(structure, list | tuple):
        parts = [map_structure(f, *leaves) for leaves in zip(structure, *others, strict=True)]
        return parts if isinstance(structure, list) else tuple(parts)
    if isinstance(structure, dict):
        return {key: map_structure(f, part, *[o[key] for o in others]) for key, part in structure.items()}
    return f(structure, *others)
