// What attention works on: q, k, v and their gradients are (n, t, heads, width).

struct Attention {
    long long step[4];                      // of the mask, in elements; 0 where it is broadcast
    int tq, tk, heads, d, e, causal, masked, wide;

    __device__ bool allowed(const bool *mask, int image, int head, int query, int key) const {
        return query < tq && key < tk && (!causal || key <= query)
            && (!masked || mask[image * step[0] + head * step[1] + query * step[2] + key * step[3]]);
    }
};

// The rows of one head in an array (n, rows, heads, width), or those from a certain one on.
template <class V> struct Rows {
    V *data;
    int count, width, pitch;
    __device__ Rows(V *array, const Attention &g, int image, int head, int rows, int width)
        : data(array + ((long long)image * rows * g.heads + head) * width), count(rows), width(width),
          pitch(g.heads * width) {}
    __device__ Rows from(int row) const {
        Rows rest = *this;
        rest.data += (long long)row * pitch, rest.count -= row;
        return rest;
    }
    __device__ Real at(int row, int x) const { return row < count && x < width ? (Real)data[row * pitch + x] : 0; }
};
typedef Rows<const T> Input;
