"""Compiling on all cores. Numba compiles one kernel at a time in a process, so other processes help, through the cache.

What a step will need is found by a rehearsal: all of its Python runs, but no kernel, and so nothing is compiled.
"""
import os
import signal
import threading
import warnings
from contextlib import contextmanager

from numba.core.event import Listener, register

from .cache import folder
from .fork import threads
from .launch import Kernel, here, recording
from .notice import ours

PATIENCE = 300                  # seconds after which a helper gives up, whatever holds it


def needed(step) -> list:
    """(kernel, types of its arguments) for all calls in a step. The numbers that it computes mean nothing."""
    found = {}

    def note(f, args):
        if isinstance(f, Kernel):
            found[f, tuple([f.typeof_pyval(a) for a in args])] = None
        return True
    with recording(note):
        step()
    return list(found)


def prepare(kernel, types) -> bool:
    """Compile a kernel, or take it from the cache; whether it was compiled."""
    kernel.compile(types)
    return types in kernel.stats.cache_misses


def prepare_all(jobs):
    """Yields for each (kernel, types) whether it was compiled; by as many processes as there are threads."""
    if threads() == 1 or not hasattr(os, "fork"):
        yield from (prepare(*job) for job in jobs)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    here.jobs = jobs                            # the workers are copies of this process
    with forking(), ProcessPoolExecutor(threads(), get_context("fork")) as pool:
        for done in as_completed([pool.submit(_prepare_number, i) for i in range(len(jobs))]):
            yield done.result()


@contextmanager
def forking():
    """No warnings of forks beside other threads: the copies use nothing of theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _prepare_number(i: int) -> bool:
    return prepare(*here.jobs[i])


@contextmanager
def helped(step):
    """Inside, `step` runs for the first times: another process may help to compile what it needs."""
    here.step = step
    try:
        yield
    finally:
        here.step = None


class Helper(Listener):
    """At the first kernel that a step misses in the cache, a copy of this process begins to compile from the end."""

    def on_start(self, event):
        if here.step is not None and ours(event):
            step, here.step = here.step, None
            if threads() > 1 and folder() is not None and hasattr(os, "fork"):
                send_helper(step)

    def on_end(self, event):
        """Nothing to do."""


def send_helper(step):
    with forking():
        child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if not os.fork():                                   # a grandchild is nobody's to wait for
            _help(step)
    finally:
        os._exit(0)


def _help(step):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1), os.dup2(silence, 2)
    jobs = []
    rehearsal = threading.Thread(target=lambda: jobs.extend(needed(step)))      # in a state of its own
    rehearsal.start()
    rehearsal.join()
    for job in reversed(jobs):
        prepare(*job)


register("numba:compile", Helper())
