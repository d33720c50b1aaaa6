"""Kernels in two tongues: `cpu` (Numba) and `cuda` (CUDA C++). README.md is the contract; import them as gpunn.kernels."""
