"""Messages go to the screen, or with interactive logging disabled to the log of the process (`logging`, "gpunn")."""
import logging

from .._config import is_interactive_logging_enabled

_log = logging.getLogger("gpunn")


def say(text: str):
    if is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        _log.info(text.strip())
