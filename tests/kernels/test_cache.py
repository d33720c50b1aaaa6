"""Compiled kernels are kept, a file each; a warm start takes them from there, and what is damaged is compiled again."""
import gc

import numpy as np
import pytest

from gpunn.kernels import cpu
from gpunn.kernels.cpu import cache
from gpunn.kernels.cpu.launch import Inner, Kernel, inner_kernel, kernel

from .test_ahead import BEGIN, PREPARE, printed

WITHOUT_COMPILER = BEGIN + """
import sys
step()
print(sorted({"numpy.ma", "numba.np.arrayobj", "concurrent.futures.process"} & sys.modules.keys()))
"""
WITHOUT_FOLDER = BEGIN + """
ahead.folder().rmdir()
print([ahead.prepare(*job) for job in ahead.needed(step)], ahead.folder().exists())
"""


def test_a_warm_start_loads_nothing_of_the_compiler(tmp_path):
    printed(PREPARE, tmp_path)
    assert printed(WITHOUT_COMPILER, tmp_path) == "[]"


def test_a_damaged_or_shortened_file_is_compiled_again(tmp_path):
    printed(PREPARE, tmp_path)
    one, other = tmp_path.rglob("*.bin")
    one.write_bytes(one.read_bytes()[:-1])
    data = bytearray(other.read_bytes())
    data[100] ^= 1
    other.write_bytes(data)
    assert printed(PREPARE, tmp_path) == "[True, True]"
    assert printed(PREPARE, tmp_path) == "[False, False]"


def test_where_nothing_can_be_kept_kernels_still_run(tmp_path):
    assert printed(WITHOUT_FOLDER, tmp_path) == "[True, True] False"


@pytest.mark.parametrize("names", [{"sys.version"}, {"numba.__version__"}, {"numba.config.CPU_NAME"}])
def test_another_python_numba_or_processor_has_its_own_folder(monkeypatch, names):
    before = cache.digest()
    for name in names:
        monkeypatch.setattr(f"{cache.__name__}.{name}", "another")
    assert cache.digest() != before


def test_every_kernel_has_its_own_files():
    cpu.unary("elu", np.ones(3, np.float32))
    gc.unfreeze()                                   # the collector shows only what it looks at
    kernels = [f for f in gc.get_objects() if issubclass(type(f), Kernel)]
    gc.freeze()
    names = [f._cache.name for f in kernels if isinstance(f._cache, cache.Store)]
    assert len(names) > 50 and len(set(names)) == len(names)


def test_only_our_own_kernels_are_kept():
    """The folder's name says nothing of other sources."""
    assert not isinstance(kernel(lambda x: None)._cache, cache.Store)


def test_a_kernel_calls_inner_kernels_only():
    @kernel
    def one(x):
        x[0] = 1

    @kernel
    def other(x):
        one(x)

    @inner_kernel
    def inner(x):
        x[0] = 2

    @kernel
    def right(x):
        inner(x)
    x = np.zeros(1)
    right(x)
    assert x[0] == 2 and isinstance(inner, Inner)
    with pytest.raises(RuntimeError, match="one.*compiled code may call an inner_kernel, not a kernel"):
        other(x)


@pytest.mark.parametrize("array", [
    np.zeros((2, 3)), np.zeros((2, 3), order="F"), np.zeros((2, 6))[:, ::2], np.zeros((), "int32"), np.zeros(3, bool),
    np.zeros(0, "uint8"), np.broadcast_to(np.float32(1), 3),
])
def test_arrays_have_numbas_types(array):
    from numba import typeof
    assert kernel(lambda x: None).typeof_pyval(array) == typeof(array)
