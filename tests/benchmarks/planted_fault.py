"""A part that dies after its first row."""
import os
import signal

TITLE, SHARE = "Planted", 30


def rows(chosen):
    yield {"what": "before the end", "value": 0.125}
    os.kill(os.getpid(), signal.SIGSEGV)
