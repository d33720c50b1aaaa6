"""Inner axes so long that the CUDA kernels cut them into pieces and add these up in a second launch."""
import numpy as np

from .harness import case

case("matmul", lambda r: (r.normal(size=(3, 1100)), r.normal(size=(1100, 5))), lambda a, b: a @ b, id="long")
case("matmul", lambda r: (r.normal(size=(2, 3, 1100)), r.normal(size=(5, 1100)), False, True, True,
                          r.normal(size=(2, 3, 7))[..., :5]),
     lambda a, b, ta, tb, accumulate, out: out + a @ b.T, inplace=(5,), id="long-accumulate")
case("dense", lambda r: (0.03 * r.normal(size=(70, 1030)), r.normal(size=(1030, 5)), r.normal(size=5)),
     lambda x, w, b, activation: np.maximum(x @ w + b, 0), options={"activation": "relu"}, id="long")
