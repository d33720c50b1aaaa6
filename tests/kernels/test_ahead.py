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


def test_a_damaged_or_shortened_file_is_compiled_again(tmp_path):
    printed(PREPARE, tmp_path)
    kept = sorted(tmp_path.rglob("*.bin"))
    assert len(kept) == 2
    whole = [path.read_bytes() for path in kept]
    kept[0].write_bytes(whole[0][:-1])
    kept[1].write_bytes(whole[1][:100] + bytes([whole[1][100] ^ 1]) + whole[1][101:])
    assert printed(PREPARE, tmp_path) == "[True, True]"
    assert printed(PREPARE, tmp_path) == "[False, False]"


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path):
    assert printed(BEGIN + "ahead.folder().rmdir(); step(); print(len(ahead.needed(step)))", tmp_path) == "2"


WITHOUT_COMPILER = BEGIN + """
import sys
from numba.core import compiler
step()
print(sorted({"numpy.ma", "numba.np.arrayobj", "concurrent.futures.process"} & sys.modules.keys()))
"""


def test_a_warm_start_loads_nothing_of_the_compiler(tmp_path):
    printed(PREPARE, tmp_path)
    assert printed(WITHOUT_COMPILER, tmp_path) == "[]"


def test_a_helper_leaves_compiled_kernels_behind(tmp_path):
    assert printed(HELP, tmp_path) == "[False, False]"


def test_a_rehearsal_runs_no_kernel():
    x = np.full((4, 3), 2.0, "float32")
    jobs = ahead.needed(lambda: (cpu.tick(x.reshape(-1)), cpu.softmax(x, out=x), cpu.softmax(x, out=x)))
    assert (x == 2).all()
    assert [kernel.py_func.__name__ for kernel, _ in jobs if "softmax" in kernel.py_func.__name__] == ["_softmax"]
