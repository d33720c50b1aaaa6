"""Near misses: every error about an unknown name offers the closest known ones."""
import difflib


def suggest(name, known) -> str:
    """"; did you mean 'relu'?", or the whole list where it is short, or nothing."""
    known = sorted({str(k) for k in known})
    lower = {k.lower(): k for k in reversed(known)}
    near = [lower[k] for k in difflib.get_close_matches(str(name).lower(), lower, 3, 0.6)]
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def refuse_unknown(who: str, unknown: dict, known):
    """Raise for keyword arguments that nobody takes, with the nearest names that exist."""
    for name in unknown:
        raise TypeError(f"{who}: unknown argument {name!r}{suggest(name, known)}")
