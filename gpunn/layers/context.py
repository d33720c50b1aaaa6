"""What a layer knows of the call around it, by thread."""
import threading
from contextlib import contextmanager


class _Context(threading.local):
    training = None         # of the call around this one; None outside all calls
    layer = None            # whose call or build is around this one
    number = 0              # counts outermost calls: losses of an older one are stale


_context = _Context()


def is_training() -> bool:
    """Whether the call around us is one of training."""
    return bool(_context.training)


@contextmanager
def inside(layer):
    """What is built inside gets a path that begins with this layer's; and this one's with that of what is around."""
    outer = _context.layer
    if not layer.built and outer not in (None, layer):
        layer.path = f"{outer.path}/{layer.path}"
    _context.layer = layer
    try:
        yield
    finally:
        _context.layer = outer
