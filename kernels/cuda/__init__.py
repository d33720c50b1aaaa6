"""The CUDA kernels, in CUDA C++. `kernels/README.md` is the contract; `kernels/cpu` holds the twins."""
