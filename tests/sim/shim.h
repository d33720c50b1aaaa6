// CUDA C++ for a host compiler: the words of the language that our kernels use, over fibers.h.
// What device code writes as inline PTX (tensor.cuh) is here in plain C++.
#pragma once
#include <math.h>
#include <stdlib.h>
#include <type_traits>
#include "fibers.h"

#define GPUNN_HOST 1
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 800
#endif
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define __restrict__ __restrict
#define __shared__ static __attribute__((section("cu_shared"), aligned(16)))
#define DYN_SMEM(type, name) type *name = reinterpret_cast<type *>(shim::dynamic_shared)
#define threadIdx (shim::current->index)
#define blockIdx (shim::block_index)
#define blockDim (shim::block_dim)
#define gridDim (shim::grid_dim)
#define warpSize 32

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return {x, y}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// ---- barriers, votes, shuffles: a call's place in the source tells one barrier from another ----
#define SHIM_HERE ([]() -> const void * { static char here; return &here; }())
#define __syncthreads() ((void)shim::barrier(SHIM_HERE))
#define __syncthreads_count(p) shim::barrier(SHIM_HERE, !!(p))
#define __syncthreads_or(p) (shim::barrier(SHIM_HERE, !!(p)) != 0)
#define __syncthreads_and(p) (shim::barrier(SHIM_HERE, !(p)) == 0)
#define __syncwarp(...) shim::sync_warp(SHIM_HERE, ##__VA_ARGS__)
#define __shfl_sync(mask, v, ...) shim::shuffle_index(SHIM_HERE, mask, v, __VA_ARGS__)
#define __shfl_xor_sync(mask, v, ...) shim::shuffle_xor(SHIM_HERE, mask, v, __VA_ARGS__)
#define __shfl_down_sync(mask, v, ...) shim::shuffle_down(SHIM_HERE, mask, v, __VA_ARGS__)
#define __shfl_up_sync(mask, v, ...) shim::shuffle_up(SHIM_HERE, mask, v, __VA_ARGS__)
#define __ballot_sync(mask, p) shim::ballot(SHIM_HERE, mask, p)
#define __any_sync(mask, p) (shim::ballot(SHIM_HERE, mask, p) != 0)
#define __all_sync(mask, p) (shim::ballot(SHIM_HERE, mask, !(p)) == 0)

namespace shim {
static inline int lane() { return current->number % WARP; }
static void sync_warp(const void *site, unsigned mask = 0xffffffffu) {
  int left = count - (current->number - lane());
  uint64_t nothing = 0;
  exchange(left < WARP ? mask & ((1u << left) - 1) : mask, site, &nothing, 1);
}
template <class V> static V shuffle_from(const void *site, unsigned mask, V v, int source) {
  static_assert(sizeof(V) <= 8, "a shuffle moves at most 8 bytes");
  uint64_t word = 0;
  memcpy(&word, &v, sizeof v);
  auto *deposits = exchange(mask, site, &word, 1);
  if (!(mask >> source & 1)) fail("shuffle from a lane outside its mask");
  memcpy(&v, deposits[source], sizeof v);
  return v;
}
template <class V>
static V shuffle_index(const void *site, unsigned mask, V v, int source, int width = WARP) {
  return shuffle_from(site, mask, v, (lane() & ~(width - 1)) | (source & (width - 1)));
}
template <class V> static V shuffle_xor(const void *site, unsigned mask, V v, int flip, int width = WARP) {
  int source = lane() ^ flip;
  return shuffle_from(site, mask, v, source / width > lane() / width ? lane() : source);
}
template <class V> static V shuffle_down(const void *site, unsigned mask, V v, int step, int width = WARP) {
  return shuffle_from(site, mask, v, lane() % width + step < width ? lane() + step : lane());
}
template <class V> static V shuffle_up(const void *site, unsigned mask, V v, int step, int width = WARP) {
  return shuffle_from(site, mask, v, lane() % width >= step ? lane() - step : lane());
}
static unsigned ballot(const void *site, unsigned mask, bool p) {
  uint64_t word = p;
  auto *deposits = exchange(mask, site, &word, 1);
  unsigned votes = 0;
  for (int i = 0; i < WARP; i++)
    if (mask >> i & 1) votes |= (unsigned)deposits[i][0] << i;
  return votes;
}
}  // namespace shim

// ---- atomics: one thread runs at a time ----
template <class P, class F> static inline P shim_atomic(P *p, F f) {
  P before = *p;
  *p = f(before);
  return before;
}
template <class P> using same = typename std::common_type<P>::type;  // converted to what p points to
#define SHIM_ATOMIC(name, after) \
  template <class P> static inline P name(P *p, same<P> v) { \
    return shim_atomic(p, [=](P o) -> P { return after; }); \
  }
SHIM_ATOMIC(atomicAdd, o + v)
SHIM_ATOMIC(atomicSub, o - v)
SHIM_ATOMIC(atomicMax, o > v ? o : v)
SHIM_ATOMIC(atomicMin, o < v ? o : v)
SHIM_ATOMIC(atomicOr, o | v)
SHIM_ATOMIC(atomicAnd, o & v)
SHIM_ATOMIC(atomicExch, v)
SHIM_ATOMIC(atomicInc, o >= v ? 0 : o + 1)
template <class P> static inline P atomicCAS(P *p, same<P> expected, same<P> v) {
  return shim_atomic(p, [=](P o) { return o == expected ? v : o; });
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}
template <class V> static inline V __ldg(const V *p) { return *p; }
template <class V> static inline V __ldcs(const V *p) { return *p; }
template <class V> static inline void __stcs(V *p, same<V> v) { *p = v; }
template <class V> static inline void __stwb(V *p, same<V> v) { *p = v; }

// ---- arithmetic ----
#define __expf(x) expf(x)               // glibc has functions of these names
#define __logf(x) logf(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
static inline float __fdividef(float a, float b) { return a / b; }
static inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
static inline double rsqrt(double x) { return 1. / sqrt(x); }
static inline float __frsqrt_rn(float x) { return rsqrtf(x); }
static inline float __saturatef(float x) { return x < 0.f ? 0.f : x > 1.f ? 1.f : x; }
template <class V> static inline V shim_rounded(V v) {  // rounded here: no fused multiply-add
  asm("" : "+m"(v));
  return v;
}
static inline float __fmul_rn(float a, float b) { return shim_rounded(a * b); }
static inline float __fadd_rn(float a, float b) { return shim_rounded(a + b); }
static inline float __fsub_rn(float a, float b) { return shim_rounded(a - b); }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __dmul_rn(double a, double b) { return shim_rounded(a * b); }
static inline double __dadd_rn(double a, double b) { return shim_rounded(a + b); }
static inline double __dsub_rn(double a, double b) { return shim_rounded(a - b); }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
template <class To, class From> static inline To shim_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
static inline float __int_as_float(int x) { return shim_bits<float>(x); }
static inline int __float_as_int(float x) { return shim_bits<int>(x); }
static inline float __uint_as_float(unsigned x) { return shim_bits<float>(x); }
static inline unsigned __float_as_uint(float x) { return shim_bits<unsigned>(x); }
static inline double __longlong_as_double(long long x) { return shim_bits<double>(x); }
static inline long long __double_as_longlong(double x) { return shim_bits<long long>(x); }
static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
typedef unsigned long long ull;
static inline unsigned __umulhi(unsigned a, unsigned b) { return (ull)a * b >> 32; }
static inline ull __umul64hi(ull a, ull b) { return (unsigned __int128)a * b >> 64; }
static inline unsigned __byte_perm(unsigned low, unsigned high, unsigned order) {
  ull both = (ull)high << 32 | low;
  unsigned word = 0;
  for (int i = 0; i < 4; i++) word |= (unsigned)(both >> (order >> 4 * i & 7) * 8 & 0xff) << 8 * i;
  return word;
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
template <class A, class B> static inline typename std::common_type<A, B>::type max(A a, B b) {
  if constexpr (std::is_floating_point<typename std::common_type<A, B>::type>::value) return fmax(a, b);
  else return a > b ? a : b;
}
template <class A, class B> static inline typename std::common_type<A, B>::type min(A a, B b) {
  if constexpr (std::is_floating_point<typename std::common_type<A, B>::type>::value) return fmin(a, b);
  else return a < b ? a : b;
}

// ---- asynchronous copies and tensor cores: the twins of tensor.cuh's inline PTX ----
static inline void cp_async16(void *to, const void *from, bool valid = true) {
  shim::copy_later(to, from, 16, valid);
}
static inline void cp_async8(void *to, const void *from, bool valid = true) {
  shim::copy_later(to, from, 8, valid);
}
static inline void cp_async4(void *to, const void *from, bool valid = true) {
  shim::copy_later(to, from, 4, valid);
}
static inline void cp_async_commit() { shim::current->group++; }
template <int N> static inline void cp_async_wait() { shim::finish_copies(N); }
static inline unsigned to_tf32(float x) {                // round to nearest, ties away from zero
  unsigned u = __float_as_uint(x);
  return x != x ? u : (u + 0x1000u) & 0xFFFFE000u;
}
// floats of 16 bits: rounded to nearest, ties to even
static inline float from_float16(unsigned short bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float size = exponent == 31 ? (fraction ? NAN : INFINITY)
      : exponent ? ldexpf(1024 + fraction, exponent - 25) : ldexpf(fraction, -24);
  return bits >> 15 ? -size : size;
}
static inline unsigned short to_float16(float x) {
  unsigned short sign = __float_as_uint(x) >> 16 & 0x8000;
  x = fabsf(x);
  if (x != x) return 0x7FFF;
  if (x >= 65520.f) return sign | 0x7C00;
  int exponent;
  frexpf(x, &exponent);
  exponent = x < 0x1p-14f ? -13 : exponent;                // multiples of 2^-24
  return sign | (unsigned short)(nearbyintf(ldexpf(x, 11 - exponent)) + 1024 * (exponent + 13));
}
static inline unsigned pack_float16(float low, float high) { return to_float16(low) | to_float16(high) << 16; }
static inline unsigned pack_bf16(float low, float high) {
  auto round = [](float x) {
    unsigned u = __float_as_uint(x);
    return x != x ? 0x7FFFu : (u + 0x7FFFu + (u >> 16 & 1)) >> 16;
  };
  return round(low) | round(high) << 16;
}
static inline float power_of_2(float x) { return exp2f(x); }

namespace shim {
static float tf32_value(unsigned word, int) { return __uint_as_float(word & 0xFFFFE000u); }
static float bf16_value(unsigned word, int high) {
  return __uint_as_float(high ? word & 0xFFFF0000u : word << 16);
}
static float f16_value(unsigned word, int high) { return from_float16(high ? word >> 16 : word); }
// d (16 x 8) += a (16 x K) b (K x 8). Lane 4 * g + t holds rows g and g + 8 of a and column g of b;
// a word holds PACK numbers along k.
template <int K, int PACK, class Value>
static void matrix_multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const void *site,
                            Value value) {
  uint64_t words[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  auto *deposits = exchange(0xffffffffu, site, words, 6);
  for (int e = 0; e < 4; e++) {
    int row = lane() / 4 + 8 * (e >> 1), column = 2 * (lane() % 4) + (e & 1);
    for (int k = 0; k < K; k++) {
      int half = k / (K / 2), t = k % (K / 2) / PACK, part = k % PACK;
      unsigned left = deposits[row % 8 * 4 + t][row / 8 + 2 * half];
      unsigned right = deposits[column * 4 + t][4 + half];
      d[e] += value(left, part) * value(right, part);
    }
  }
}
}  // namespace shim
#define mma_m16n8k8_tf32(d, a, b) shim::matrix_multiply<8, 1>(d, a, b, SHIM_HERE, shim::tf32_value)
#define mma_m16n8k16_bf16(d, a, b) shim::matrix_multiply<16, 2>(d, a, b, SHIM_HERE, shim::bf16_value)
#define mma_m16n8k16_f16(d, a, b) shim::matrix_multiply<16, 2>(d, a, b, SHIM_HERE, shim::f16_value)
