"""When not to look for garbage."""
import gc
from contextlib import contextmanager


@contextmanager
def uncollected():
    """Inside, nobody does: most of what an import or a compiler makes stays alive meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
