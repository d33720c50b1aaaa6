"""Where messages go: to the screen, or to the log of the process (`logging`, "gpunn")."""
import logging

_log = logging.getLogger("gpunn")
_interactive = True


def enable_interactive_logging():
    """Messages and progress go to the screen, as they do unless told otherwise."""
    global _interactive
    _interactive = True


def disable_interactive_logging():
    """Messages and progress go to `logging.getLogger("gpunn")`, as whole lines."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    return _interactive


def say(text: str):
    if _interactive:
        print(text, flush=True)
    else:
        _log.info(text.strip())
