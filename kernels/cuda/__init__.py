"""The CUDA kernels, in CUDA C++. `kernels/README.md` is the contract; `kernels/cpu` holds the twins."""
from .conv import col2im, conv, conv_input_grad, conv_weight_grad, im2col
from .elementwise import binary, unary, unary_backward, where
from .memory import copy, fill, tick
from .reduce import argreduce, cumsum, reduce
from .matmul import activation_backward, dense, dense_backward, matmul
