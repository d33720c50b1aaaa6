// Reductions over any axes of any strides. T: dtype in, A: of the accumulator, O: out. A block of 256 threads is
// `lanes` threads for each of 256 / lanes results; neighbouring threads walk along the reduced axes (`along`) or along
// the results, whichever lies together in memory. The tree in shared memory is fixed, so the bits are too.
enum Reduction { SUM, MEAN, PROD, MAX, MIN, ANY, ALL };

__device__ inline A neutral(int op) {
    if (op == PROD || op == ALL) return 1;
    return 0;
}

__device__ inline A load(int op, Real x) { return op == ANY || op == ALL ? (A)(x != 0) : (A)x; }

// max and min start from the first element instead: there is no neutral one for every dtype
__device__ inline A join(int op, A a, A b) {
    switch (op) {
    case PROD: return a * b;
    case MAX: return larger(a, b);
    case MIN: return smaller(a, b);
    case ANY: return a != 0 || b != 0;
    case ALL: return a != 0 && b != 0;
    }
    return a + b;
}

// Results by blockIdx.x, pieces of `chunk` elements of the reduced axes by blockIdx.y: -> out (results, pieces)
KERNEL(256) reduce(const T *x, O *out, int op, long long results, long long length, long long chunk, long long count,
        int lanes, int along, const __grid_constant__ View kept, const __grid_constant__ View reduced) {
    __shared__ A part[256];
    int side = 256 / lanes, thread = threadIdx.x;
    int lane = along ? thread % lanes : thread / side, next = along ? 1 : side;
    int result = along ? thread / lanes : thread % side;
    long long first = blockIdx.y * chunk, last = first + chunk < length ? first + chunk : length;
    for (long long group = blockIdx.x; group * side < results; group += gridDim.x) {
        long long index = group * side + result, r = first + lane;
        bool mine = index < results;
        const T *row = x + (mine ? place(kept, 0, index) : 0);
        A total = neutral(op);
        if (mine && (op == MAX || op == MIN)) total = load(op, row[place(reduced, 0, r < last ? r : first)]);
        if (mine) for (; r < last; r += lanes) total = join(op, total, load(op, row[place(reduced, 0, r)]));
        part[thread] = total;
        for (int step = lanes / 2; step; step /= 2) {
            __syncthreads();
            if (lane < step) part[thread] = join(op, part[thread], part[thread + step * next]);
        }
        A all = op == MEAN ? part[thread] / (A)count : part[thread];
        if (lane == 0 && mine) out[index * gridDim.y + blockIdx.y] = (O)all;
        __syncthreads();
    }
}

// -> out (results): place of the winner along one axis of x
KERNEL(256, 4) argreduce(const T *x, int *out, int greatest, long long results, long long length, int lanes, int along,
        const __grid_constant__ View kept, const __grid_constant__ View reduced) {
    __shared__ Real best[256];
    __shared__ int where[256];
    int side = 256 / lanes, thread = threadIdx.x;
    int lane = along ? thread % lanes : thread / side, next = along ? 1 : side;
    int result = along ? thread / lanes : thread % side;
    for (long long group = blockIdx.x; group * side < results; group += gridDim.x) {
        long long index = group * side + result, r = lane < length ? lane : 0;
        bool mine = index < results;
        const T *row = x + (mine ? place(kept, 0, index) : 0);
        Real value = row[place(reduced, 0, r)];
        long long at = r;
        for (r += lanes; r < length; r += lanes) {
            Real other = row[place(reduced, 0, r)];
            if (wins(greatest, other, r, value, at)) value = other, at = r;
        }
        best[thread] = value;
        where[thread] = at;
        for (int step = lanes / 2; step; step /= 2) {
            __syncthreads();
            int rival = thread + step * next;
            if (lane < step && wins(greatest, best[rival], where[rival], best[thread], where[thread])) {
                best[thread] = best[rival];
                where[thread] = where[rival];
            }
        }
        if (lane == 0 && mine) out[index] = where[thread];
        __syncthreads();
    }
}

// x, out (lines, length), both of any strides: running sums. A block walks along a line in pieces of 256,
// `carry` is the sum of the pieces before.
KERNEL(256) cumsum(const T *x, T *out, int reverse, long long lines,
        long long length, long long x_step, long long out_step, const __grid_constant__ View line) {
    __shared__ A part[256];
    int thread = threadIdx.x;
    for (long long index = blockIdx.x; index < lines; index += gridDim.x) {
        const T *from = x + place(line, 0, index);
        T *to = out + place(line, 1, index);
        A carry = 0;
        for (long long first = 0; first < length; first += 256) {
            long long i = reverse ? length - 1 - first - thread : first + thread;
            bool mine = first + thread < length;
            part[thread] = mine ? (A)from[i * x_step] : (A)0;
            for (int reach = 1; reach < 256; reach *= 2) {
                __syncthreads();
                A left = thread >= reach ? part[thread - reach] : (A)0;
                __syncthreads();
                part[thread] += left;
            }
            __syncthreads();
            if (mine) to[i * out_step] = (T)(carry + part[thread]);
            carry += part[255];
            __syncthreads();
        }
    }
}
