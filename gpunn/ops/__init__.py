"""The functions that users call, with Keras' names: on tensors, arrays, numbers and symbols alike."""
import sys

from . import image, linalg, operators, random
from .activation import (binary_crossentropy, categorical_crossentropy, glu, hard_shrink, hard_tanh, multi_hot,
                         soft_shrink, sparse_categorical_crossentropy, squareplus, tanh_shrink, threshold)
from .arithmetic import (add, arctan2, bitwise_and, bitwise_invert, bitwise_left_shift, bitwise_not, bitwise_or,
                         bitwise_right_shift, bitwise_xor, divide, divide_no_nan, equal, floor_divide, greater,
                         greater_equal, left_shift, less, less_equal, logaddexp, logical_and, logical_or, logical_xor,
                         maximum, minimum, mod, multiply, not_equal, power, right_shift, select, subtract, true_divide,
                         where)
from .attention import attention, attention_scores, dot_product_attention
from .conv import conv, conv_transpose, depthwise_conv, separable_conv
from .create import (arange, cast, convert_to_numpy, convert_to_tensor, copy, custom_gradient, dtype, empty, empty_like,
                     eye, full, full_like, identity, is_tensor, linspace, logspace, ndim, ones, ones_like,
                     saturate_cast, shape, size, stop_gradient, tri, zeros, zeros_like)
from .dense import dense, log_softmax, one_hot, pick, softmax, softmax_cross_entropy
from .index import (argsort, diag, diagflat, diagonal, diff, embedding, get_item, in_top_k, nonzero, scatter,
                    scatter_update, segment_max, segment_sum, slice_update, sort, take, take_along_axis, top_k, trace,
                    tril, triu, unique)
from .index import block as slice
from .linalg import (cholesky, cholesky_inverse, det, dot, eigh, einsum, inner, inv, logdet, lstsq, matmul, matrix_rank,
                     outer, pinv, qr, slogdet, solve, solve_triangular, svd, tensordot, vdot)
from .math import (abs, absolute, arccos, arccosh, arcsin, arcsinh, arctan, arctanh, binary_step, ceil, celu, clip, cos,
                   cosh, elu, erf, erfinv, exp, exp2, expm1, floor, gelu, hard_sigmoid, hard_silu, hard_swish, isclose,
                   isfinite, isinf, isnan, isneginf, isposinf, leaky_relu, log, log1p, log2, log10, log_sigmoid,
                   logical_not, mish, nan_to_num, negative, reciprocal, relu, relu6, round, rsqrt, selu, sigmoid, sign,
                   silu, sin, sinh, softplus, softsign, sqrt, square, swish, tan, tanh, trunc)
from .more import (angle, argpartition, array_split, bartlett, bincount, blackman, cbrt, cdist, conj, conjugate,
                   corrcoef, cross, deg2rad, depth_to_space, digitize, dsplit, dstack, erfc, fabs, fmax, fmin, fmod,
                   gcd, geomspace, hamming, hanning, heaviside, histogram, hypot, imag, isin, isreal, kaiser, kron,
                   lcm, ldexp, logaddexp2, median, nanargmax, nanargmin, nancumprod, nancumsum, nanmax, nanmean,
                   nanmedian, nanmin, nanpercentile, nanprod, nanquantile, nanstd, nansum, nanvar, nextafter,
                   percentile, quantile, rad2deg, real, rot90, searchsorted, segment_min, segment_prod, signbit, sinc,
                   space_to_depth, trapezoid, unravel_index, vander)
from .normalization import batch_norm, batch_normalization, layer_normalization, moments, normalize, rms_normalization
from .pool import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from .random import dropout
from .recurrent import gru, lstm, simple_rnn
from .reduce import (all, allclose, amax, amin, any, argmax, argmin, average, count_nonzero, cumprod, cumsum, logsumexp,
                     max, mean, min, norm, prod, ptp, std, sum, var)
from .shape import (append, broadcast_to, concatenate, expand_dims, flip, fliplr, flipud, hsplit, hstack, meshgrid,
                    moveaxis, pad, ravel, repeat, reshape, roll, split, squeeze, stack, swapaxes, tile, transpose,
                    unstack, vsplit, vstack)

array = convert_to_tensor
layer_norm = layer_normalization
nn = numpy = sys.modules[__name__]          # Keras' namespaces: ops.nn.relu is ops.relu
