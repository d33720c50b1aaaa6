"""CUDA sources with a planted defect each, and their sound twins."""

SUM = """
extern "C" __global__ void __launch_bounds__(256) total(const float *x, float *out, int n) {
  __shared__ float part[256];
  float s = 0;
  for (int i = threadIdx.x; i < n; i += 256) s += x[i];
  part[threadIdx.x] = s;
  BARRIER
  for (int k = 128; k; k /= 2) {
    if (threadIdx.x < k) part[threadIdx.x] += part[threadIdx.x + k];
    BARRIER
  }
  if (threadIdx.x == 0) out[0] = part[0];
}
"""

DIVERGENT = """
extern "C" __global__ void divergent(float *out) {
  if (threadIdx.x < 16) { __syncthreads(); out[threadIdx.x] = 1; }
  else { out[threadIdx.x] = 2; __syncthreads(); }
}
extern "C" __global__ void half_warp(float *out) {
  if (threadIdx.x < 16) out[0] = __shfl_down_sync(0xffffffffu, 1.f, 1);
}
extern "C" __global__ void stranger(float *out) {
  out[0] = __shfl_sync(0x0000ffffu, 1.f, 0);
}
extern "C" __global__ void outside_mask(float *out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.f, 20);
}
"""

MEMORY = """
extern "C" __global__ void past_the_end(const float *x, float *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) y[0] += x[i];
}
extern "C" __global__ void before_the_start(const float *x, float *y, int n) {
  y[threadIdx.x] = x[(int)threadIdx.x - 1];
}
extern "C" __global__ void quads(const float *x, float *y, int start) {
  float4 v = *reinterpret_cast<const float4 *>(x + start);
  y[0] = v.x + v.y + v.z + v.w;
}
extern "C" __global__ void shared_index(float *y, int at) {
  __shared__ float part[32];
  part[threadIdx.x + at] = 1;
  y[threadIdx.x] = part[threadIdx.x];
}
extern "C" __global__ void unwritten(float *y) {
  __shared__ float part[32];
  y[threadIdx.x] = part[threadIdx.x];
}
extern "C" __global__ void divide(int *y, int by) { y[0] = 7 / by; }
"""

# A tile is copied while another is read: without the second barrier a fast warp runs over a slow one.
PIPELINE = """
extern "C" __global__ void __launch_bounds__(64) pipeline(const float *x, float *y, int tiles) {
  __shared__ float tile[2][64];
  float total = 0;
  int fetch = threadIdx.x % 16, at = threadIdx.x;
  if (at < 16) cp_async16(&tile[0][4 * fetch], x + 4 * fetch);
  cp_async_commit();
  for (int i = 0; i < tiles; i++) {
    if (i + 1 < tiles && at < 16) cp_async16(&tile[(i + 1) % 2][4 * fetch], x + 64 * (i + 1) + 4 * fetch);
    cp_async_commit();
    cp_async_wait<WAIT>();
    __syncthreads();
    total += tile[i % 2][63 - at];
    SECOND_BARRIER
  }
  y[at] = total;
}
"""

STEP = """
extern "C" __global__ void gradient(const float *p, float *g, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) g[i] = p[i] * 0.5f + 1.f;
}
extern "C" __global__ void update_baked(float *p, const float *g, int n, float rate) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) p[i] -= rate * g[i];
}
extern "C" __global__ void update(float *p, const float *g, int n, const float *rate) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) p[i] -= rate[0] * g[i];
}
"""

TYPES = """
struct Pair { int a; float b; };
extern "C" __global__ void scalars(float *x, float f, double d, int i, long long q, Pair p) {
  x[0] = f; x[1] = d; x[2] = i; x[3] = q; x[4] = p.a; x[5] = p.b;
}
extern "C" __global__ void __launch_bounds__(64) bounded(float *x) { x[threadIdx.x] = 1; }
"""

MATRIX = """
extern "C" __global__ void tf32(const float *a, const float *b, float *d) {            // (16, 8) @ (8, 8)
  int g = threadIdx.x / 4, t = threadIdx.x % 4;
  float acc[4] = {0, 0, 0, 0};
  unsigned A[4];
  for (int i = 0; i < 4; i++) A[i] = to_tf32(a[(g + 8 * (i % 2)) * 8 + t + 4 * (i / 2)]);
  unsigned B[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
  mma_m16n8k8_tf32(acc, A, B);
  for (int e = 0; e < 4; e++) d[(g + 8 * (e / 2)) * 8 + 2 * t + e % 2] = acc[e];
}
extern "C" __global__ void bf16(const float *a, const float *b, float *d) {            // (16, 16) @ (16, 8)
  int g = threadIdx.x / 4, t = threadIdx.x % 4;
  float acc[4] = {0, 0, 0, 0};
  unsigned A[4], B[2];
  for (int i = 0; i < 4; i++) {
    const float *from = a + (g + 8 * (i % 2)) * 16 + 2 * t + 8 * (i / 2);
    A[i] = pack_bf16(from[0], from[1]);
  }
  for (int i = 0; i < 2; i++) B[i] = pack_bf16(b[(2 * t + 8 * i) * 8 + g], b[(2 * t + 1 + 8 * i) * 8 + g]);
  mma_m16n8k16_bf16(acc, A, B);
  for (int e = 0; e < 4; e++) d[(g + 8 * (e / 2)) * 8 + 2 * t + e % 2] = acc[e];
}
"""
