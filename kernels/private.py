"""A folder for what is kept from run to run and trusted when it is read: nobody else can write there."""
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def candidates():
    if "GPUNN_CACHE_DIR" in os.environ:
        yield Path(os.environ["GPUNN_CACHE_DIR"])
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpunn"
    yield Path(tempfile.gettempdir()) / f"gpunn-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def private(folder: Path) -> bool:
    """Ours alone: what lies there is machine code that this process will run, or decides what it runs."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022):
        return False
    return os.access(folder, os.W_OK)


def private_folder(name: str) -> Path | None:
    """The first private place; None when there is no such place, and nothing is kept."""
    return next((path for base in candidates() if private(path := base / name)), None)


def keep(path: Path, data: bytes):
    """All at once: a reader sees the whole of it or nothing. A full disk is no reason to stop."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        unfinished.write_bytes(data)
        unfinished.replace(path)
