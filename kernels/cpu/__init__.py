"""The CPU kernels, in Numba. `kernels/README.md` is the contract; `kernels/cuda` holds the twins."""
from . import ahead, native
from .activate import activation_backward, bias_backward
from .attention import attention, attention_backward
from .conv import col2im, conv, conv_input_grad, conv_weight_grad, im2col
from .elementwise import binary, unary, unary_backward, where
from .index import gather, gather_batches, scatter_add
from .matmul import dense, dense_backward, matmul
from .memory import copy, fill, tally
from .normalize import batch_norm, batch_norm_backward, layer_norm, layer_norm_backward
from .optimize import measure, optimize
from .pool import average_pool, average_pool_backward, max_pool, max_pool_backward
from .random import dropout, random_bits, random_uniform
from .recurrent import gru, gru_backward, lstm, lstm_backward, simple_rnn, simple_rnn_backward
from .reduce import argreduce, cumsum, reduce
from .softmax import (log_softmax, log_softmax_backward, pick, pick_backward, softmax, softmax_backward,
                      softmax_cross_entropy, softmax_cross_entropy_backward,
                      softmax_cross_entropy_mean)
