// What a step is to know of all gradients g (n), left in hyper (optimize.cu): the norm of g / loss_scale is at most
// `limit` once g is multiplied by gain, and growth >= 0 says that the loss scale is hyper[6] and changes.
#include "blocks.cuh"

KERNEL(256) measure(const T *g, double *sums, float *hyper, Real limit, Real loss_scale, int growth, long long n) {
    __shared__ double part[8];
    double total = 0;
    BY_SEVERAL(first, count, n, on_bounds(g)) {
        Several<Real> values = fetch(g, first, count);
        UNROLL for (int j = 0; j < AT_ONCE; j++) total += (double)values.at[j] * values.at[j];
    }
    if (!summed_by_last(total, sums, (unsigned int *)hyper + 8, part) || threadIdx.x != 0) return;
    bool finite = total < infinity<double>();
    double scale = growth < 0 ? (double)loss_scale : (double)hyper[6], norm = sqrt(total) / scale;
    hyper[5] = (finite ? norm > limit ? limit / norm : 1 : not_a_number<double>()) / scale;
    if (growth < 0) return;
    int *whole = (int *)hyper, good = finite ? whole[7] + 1 : 0, grows = finite && good == growth;
    whole[1] -= !finite;
    whole[7] = grows ? 0 : good;
    hyper[3] = finite;
    hyper[6] = smaller(hyper[6] * (grows ? 2 : finite ? 1 : 0.5f), 0x1p127f);
}
