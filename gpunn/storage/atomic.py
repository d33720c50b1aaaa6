"""A file that is there whole or not at all, whatever happens while it is written."""
import os
import secrets
import time
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:                             # Windows: nobody opens a file that another one writes
    LOCK_EX, LOCK_NB, flock = 0, 0, lambda descriptor, how: None


@contextmanager
def replacing(path):
    """`with replacing(path) as file: file.write(...)`: the new file takes its place once it is durable."""
    path = Path(path)
    sweep(path)
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            with suppress(OSError):
                flock(file, LOCK_EX | LOCK_NB)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = os.fspath(path)                            # "No space left on device" alone says little
        raise
    sync_folder(path.parent)


def sweep(path: Path, age: float = 5.0) -> None:
    """Remove the drafts of writers that were killed: nobody holds their lock."""
    for draft in path.parent.glob(f".{escape(path.name[:200])}.{'[0-9a-f]' * 12}.tmp"):
        with suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                if time.time() - os.fstat(descriptor).st_mtime > age:
                    draft.unlink()
            finally:
                os.close(descriptor)


def sync_folder(folder) -> None:
    """A rename is durable only when its folder is."""
    if os.name == "nt":                         # folders cannot be opened there; the file system sees to it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
