"""A rehearsal finds what a step calls and runs nothing; other processes compile it into the cache."""
import os
import subprocess
import sys

import numpy as np

from gpunn.kernels import cpu
from gpunn.kernels.cpu import ahead

BEGIN = """
import time
import numpy as np
from gpunn.kernels import cpu
from gpunn.kernels.cpu import ahead
x, labels = np.ones((8, 3), np.float32), np.zeros(8, np.int32)
step = lambda: (cpu.pick(x, labels), cpu.softmax(x))
"""
PREPARE = BEGIN + "print(list(ahead.prepare_all(ahead.needed(step))))"
HELP = BEGIN + """
folder, until = ahead.folder(), time.monotonic() + 60
ahead.send_helper(step)
while len(list(folder.rglob("*.bin"))) < 2 and time.monotonic() < until:
    time.sleep(0.1)
print([ahead.prepare(*job) for job in ahead.needed(step)])
"""


def printed(program, tmp_path) -> str:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                         env=os.environ | {"GPUNN_CACHE_DIR": str(tmp_path)})
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_all_processes_compile_and_a_second_time_nobody_does(tmp_path):
    assert printed(PREPARE, tmp_path) == "[True, True]"
    assert printed(PREPARE, tmp_path) == "[False, False]"


def test_a_helper_leaves_compiled_kernels_behind(tmp_path):
    assert printed(HELP, tmp_path) == "[False, False]"


def test_a_rehearsal_runs_no_kernel():
    x = np.full((4, 3), 2.0, "float32")
    jobs = ahead.needed(lambda: (cpu.fill(1, x), cpu.softmax(x, out=x), cpu.softmax(x, out=x)))
    assert (x == 2).all()
    assert [kernel.py_func.__name__ for kernel, _ in jobs if "softmax" in kernel.py_func.__name__] == ["_softmax"]
