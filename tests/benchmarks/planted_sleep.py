"""A part that does not know when to stop."""
import time

TITLE, SHARE = "Planted", 5


def rows(chosen):
    yield {"what": "awake"}
    time.sleep(600)
