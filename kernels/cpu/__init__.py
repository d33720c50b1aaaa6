"""The CPU kernels, in Numba. `kernels/README.md` is the contract; `kernels/cuda` holds the twins."""
import numba

from .cache import kernel_cache

# omp: 1.7 us a parallel region and safe for several Python threads; workqueue: 97 us, and it aborts when two enter
numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

with kernel_cache():
    from .conv import col2im, conv, conv_input_grad, conv_weight_grad, im2col
    from .matmul import activation_backward, dense, dense_backward, matmul
    from .pool import average_pool, average_pool_backward, max_pool, max_pool_backward
