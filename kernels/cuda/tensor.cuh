// Asynchronous copies to shared memory and tensor cores, which C++ has no words for; elsewhere than on a GPU
// others give these functions. GPUs before sm_80 copy at once, and have no such tensor cores.
#ifndef GPUNN_HOST
#if __CUDA_ARCH__ >= 800
#define CP_ASYNC(bytes, V, how) \
    __device__ inline void cp_async##bytes(void *to, const void *from, bool valid) { \
        asm volatile("cp.async." how " [%0], [%1], " #bytes ", %2;" \
                     :: "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(valid ? bytes : 0) : "memory"); \
    }
__device__ inline void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ inline void cp_async_wait() {
    asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory");
}
#else
#define CP_ASYNC(bytes, V, how) \
    __device__ inline void cp_async##bytes(void *to, const void *from, bool valid) { \
        *(V *)to = valid ? *(const V *)from : V(); \
    }
__device__ inline void cp_async_commit() {}
template <int N> __device__ inline void cp_async_wait() {}
#endif
CP_ASYNC(4, float, "ca.shared.global")
CP_ASYNC(8, double, "ca.shared.global")
CP_ASYNC(16, float4, "cg.shared.global.L2::128B")

__device__ inline float power_of_2(float x) {       // one instruction
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
}

#if __CUDA_ARCH__ >= 800
#define MMA(name, kind) \
    __device__ inline void name(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { \
        asm("mma.sync.aligned." kind " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])); \
    }
MMA(mma_m16n8k8_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
MMA(mma_m16n8k16_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
MMA(mma_m16n8k16_f16, "m16n8k16.row.col.f32.f16.f16.f32")
#endif
#endif

// x, and half a unit of what TF32 keeps of it: tensor cores drop the rest. Two instructions where cvt.rna.tf32 takes
// three, and NaN stays NaN.
__device__ inline unsigned rounded_tf32(float x) {
    float power = __uint_as_float(__float_as_uint(x) & 0xff800000u);
    return __float_as_uint(__fmaf_rn(power, 1 / 2048.f, x));
}
