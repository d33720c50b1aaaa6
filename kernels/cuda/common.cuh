// What every kernel file begins with. No includes: NVRTC compiles a file in tens of milliseconds, and no CUDA headers are needed.
// Dtypes are text macros (-DT=float). Scalars that change from step to step are read from device memory, never passed by value.
#define GRID_STRIDE(i, n) \
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (long long)gridDim.x * blockDim.x)
