"""A process that answers in lines of JSON, within its time, and takes all that it started along when it ends."""
import json
import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress

from . import ROOT

PATIENCE = 3                    # seconds between asking and insisting
LIVE: set["Process"] = set()


class Ended(RuntimeError):
    """The process ended, or was ended, before it answered."""


class Overtime(Ended):
    """It would have taken longer."""


class Process:
    def __init__(self, command: list[str], environment: dict[str, str] | None = None):
        self.errors, self.overtime = tempfile.TemporaryFile("w+"), False
        self.insisting = threading.Timer(PATIENCE, self.kill)
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            env=os.environ | (environment or {}), start_new_session=True)
        LIVE.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end()

    def rows(self, limit: float):
        """All answers until it ends; it is ended after `limit` seconds."""
        timer = threading.Timer(max(limit, 0), self.stop)
        timer.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    with suppress(ValueError):
                        yield json.loads(line)
        finally:
            timer.cancel()

    def answer(self, limit: float) -> dict:
        for row in self.rows(limit):
            return row
        self.process.wait()
        raise Overtime(f"took longer than {limit:.0f} s") if self.overtime else Ended(self.last_words())

    def say(self, line: str):
        with suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def last_words(self) -> str:
        """The last lines of its errors; a traceback ends with the most telling."""
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read().splitlines() if line.strip()]
        return " | ".join(lines[-2:])[-400:] or f"ended with status {self.process.returncode}"

    def stop(self):
        """Asks it to end, so that it ends its own processes first."""
        self.overtime = True
        self.process.terminate()
        self.insisting.start()

    def kill(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def status(self) -> int:
        """Once it has said all: how it ended."""
        return self.process.wait()

    def end(self):
        """Whoever it left behind is ended, too."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.kill()
        self.insisting.cancel()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        LIVE.discard(self)


def kill_all():
    for process in list(LIVE):
        process.kill()
