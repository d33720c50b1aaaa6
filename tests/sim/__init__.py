"""The CUDA sources on the CPU: `install()` serves the CUDA launchers with a stand-in for CuPy."""


def install():
    raise RuntimeError("lands within the hour")
