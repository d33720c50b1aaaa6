// Sums over all blocks in one launch. Each leaves its own in sums (blocks), the last to end adds them up in their order:
// only its threads go on, with the sum in `value`. `ended` is 0, and 0 again when all are.
template <class V> __device__ inline bool summed_by_last(V &value, V *sums, unsigned int *ended, V *part) {
    bool last = false;
    value = row_sum(value, 256, part);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = value;
        __threadfence();
        last = atomicInc(ended, gridDim.x - 1) == gridDim.x - 1;
    }
    if (!__syncthreads_or(last)) return false;
    value = 0;
    for (int i = threadIdx.x; i < gridDim.x; i += 256) value += ((volatile V *)sums)[i];
    value = row_sum(value, 256, part);
    return true;
}
