"""Kernels in two tongues: `cpu` (Numba) and `cuda` (CUDA C++). README.md: the contract. Import gpunn.kernels."""
