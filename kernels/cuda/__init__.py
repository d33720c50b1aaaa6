"""The CUDA kernels, in CUDA C++. `kernels/README.md` is the contract; `kernels/cpu` holds the twins."""
from .elementwise import binary, unary, unary_backward, where
from .memory import copy, fill, tick
from .reduce import argreduce, cumsum, reduce
