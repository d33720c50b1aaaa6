"""Matrix products and what is made of them; factorizations by the array library."""
from math import prod

from ..backend import backend_of, host_read
from ..symbol import whole
from ..tensor import op
from ..tree import map_structure
from .arithmetic import multiply
from .core import array, as_dtype, axis_index, common, fit, floating, is_float, kernels_of, named, wide
from .create import convert_to_tensor
from .index import diagonal, tril, triu
from .reduce import norm as norm  # Keras has it in both places
from .reduce import sum
from .shape import broadcast_to, expand_dims, ravel, reshape, squeeze, swapaxes, transpose


@op
def _matmul(x1, x2):
    """(..., m, k) @ (..., k, n) -> (..., m, n)"""
    a, b = common(array(x1), array(x2))
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: shapes {x1.shape} and {x2.shape} do not fit: "
                         f"{a.shape[-1]} columns against {b.shape[-2]} rows")
    k = kernels_of(a)
    if not is_float(a.dtype):
        y = k.matmul(k.copy(a, dtype="float64"), k.copy(b, dtype="float64"))
        return k.copy(y, dtype="int32" if a.dtype == "int8" else a.dtype), None

    def backward(dy, need):
        da = db = None
        if need[0] is not None:
            da = fit(k, k.matmul(dy, b, transpose_b=True), x1.shape, x1.dtype, need[0])
        if need[1] is not None:
            db = fit(k, k.matmul(a, dy, transpose_a=True), x2.shape, x2.dtype, need[1])
        return da, db
    return k.matmul(a, b), backward


def matmul(x1, x2):
    """The matrix product; vectors count as a row on the left and a column on the right."""
    x1, x2 = _tensor(x1), _tensor(x2)
    if x1.ndim == 0 or x2.ndim == 0:
        raise ValueError(f"matmul: expected at least one axis each, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    y = _matmul(expand_dims(x1, 0) if x1.ndim == 1 else x1, expand_dims(x2, 1) if x2.ndim == 1 else x2)
    if x2.ndim == 1:
        y = squeeze(y, -1)
    return squeeze(y, -2 + (x2.ndim == 1)) if x1.ndim == 1 else y


def _tensor(x):
    return x if hasattr(x, "ndim") else convert_to_tensor(x)


@whole
def dot(x1, x2):
    """Sum over the last axis of x1 and the second to last of x2 (its only one, if it is a vector)."""
    x1, x2 = _tensor(x1), _tensor(x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return multiply(x1, x2)
    return tensordot(x1, x2, ((x1.ndim - 1,), (max(x2.ndim - 2, 0),)))


@whole
def tensordot(x1, x2, axes=2):
    """Sums of products over pairs of axes."""
    x1, x2 = _tensor(x1), _tensor(x2)
    if isinstance(axes, int):
        axes = range(x1.ndim - axes, x1.ndim), range(axes)
    left, right = ([a] if isinstance(a, int) else a for a in axes)
    left = [axis_index(a, x1.ndim, "tensordot") for a in left]
    right = [axis_index(a, x2.ndim, "tensordot") for a in right]
    rest1 = [i for i in range(x1.ndim) if i not in left]
    rest2 = [i for i in range(x2.ndim) if i not in right]
    inner = prod(x1.shape[i] for i in left)
    a = reshape(transpose(x1, (*rest1, *left)), (prod(x1.shape[i] for i in rest1), inner))
    b = reshape(transpose(x2, (*right, *rest2)), (inner, prod(x2.shape[i] for i in rest2)))
    return reshape(_matmul(a, b), (*(x1.shape[i] for i in rest1), *(x2.shape[i] for i in rest2)))


@whole
def inner(x1, x2):
    """Sum of products over the last axes."""
    x1, x2 = _tensor(x1), _tensor(x2)
    return multiply(x1, x2) if x1.ndim == 0 or x2.ndim == 0 else tensordot(x1, x2, ((-1,), (-1,)))


def outer(x1, x2):
    """All products of the elements of two vectors."""
    return multiply(reshape(_tensor(x1), (-1, 1)), reshape(_tensor(x2), (1, -1)))


def vdot(x1, x2):
    """Sum of products of all elements."""
    return sum(multiply(ravel(_tensor(x1)), ravel(_tensor(x2))))


@whole
def einsum(subscripts: str, *operands):
    """Einstein's sum: "ij,jk->ik" is a matrix product. Each pair of operands is one batched product."""
    if subscripts.count("...") and not operands:
        raise ValueError("einsum: no operands")
    operands = [_tensor(x) for x in operands]
    inputs, output = parsed(subscripts.replace(" ", ""), operands)
    labels, x = _diagonals(inputs[0], operands[0])
    for i in range(1, len(operands)):
        other, y = _diagonals(inputs[i], operands[i])
        later = set(output).union(*inputs[i + 1:])
        labels, x = contracted(labels, x, other, y, later)
    gone = [i for i, c in enumerate(labels) if c not in output]
    if gone:
        x, labels = sum(x, tuple(gone)), "".join(c for c in labels if c in output)
    return transpose(x, tuple(labels.index(c) for c in output)) if labels != output else x


def parsed(subscripts: str, operands):
    """Labels of the inputs and the output, an ellipsis spelled out in letters of its own."""
    left, arrow, output = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise ValueError(f"einsum: {subscripts!r} names {len(inputs)} operands, got {len(operands)}")
    spare = [chr(c) for c in range(0x3b1, 0x3ca)]
    hidden = [x.ndim - len(s.replace("...", "")) if "..." in s else 0 for s, x in zip(inputs, operands)]
    most = max(hidden)
    inputs = [s.replace("...", "".join(spare[most - h:most])) for s, h in zip(inputs, hidden)]
    if not arrow:
        letters = "".join(inputs)
        output = "..." * bool(most) + "".join(c for c in sorted(letters) if letters.count(c) == 1 and c not in spare)
    for s, x in zip(inputs, operands):
        if len(s) != x.ndim:
            raise ValueError(f"einsum: {s!r} in {subscripts!r} names {len(s)} axes, "
                             f"but the operand has shape {tuple(x.shape)}")
    return inputs, output.replace("...", "".join(spare[:most]))


def _diagonals(labels: str, x):
    """A label that stands twice in one operand is its diagonal."""
    for c in labels:
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            x, labels = diagonal(x, 0, i, j), labels[:i] + labels[i + 1:j] + labels[j + 1:] + c
    return labels, x


def contracted(la: str, a, lb: str, b, later):
    """Two operands as one batched matrix product: labels (both, left, right)."""
    a, la = _without(a, la, lb, later)
    b, lb = _without(b, lb, la, later)
    both = "".join(c for c in la if c in lb and c in later)
    inner = "".join(c for c in la if c in lb and c not in later)
    left, right = ("".join(c for c in s if c not in both + inner) for s in (la, lb))
    size = dict(zip(la, a.shape))
    for c, n in zip(lb, b.shape):
        size[c] = n if size.get(c, 1) == 1 else size[c]
    a = _grouped(a, la, (both, left, inner), size)
    b = _grouped(b, lb, (both, inner, right), size)
    return both + left + right, reshape(_matmul(a, b), tuple(size[c] for c in both + left + right))


def _without(x, labels, other, later):
    """Summed over the labels that nobody else needs."""
    gone = [i for i, c in enumerate(labels) if c not in other and c not in later]
    return (sum(x, tuple(gone)), "".join(c for i, c in enumerate(labels) if i not in gone)) if gone else (x, labels)


def _grouped(x, labels, groups, size):
    """Axes in the order of the groups, each group as one axis."""
    order = "".join(groups)
    x = transpose(x, tuple(labels.index(c) for c in order)) if order != labels else x
    full = tuple(size[c] for c in order)
    x = x if tuple(x.shape) == full else broadcast_to(x, full)
    return reshape(x, tuple(prod(size[c] for c in g) for g in groups))


def _library(name: str, *xs, **options):
    """A function of numpy.linalg or cupy.linalg; it has no gradient and cannot be part of a recorded step."""
    host_read(name)
    own, xs = floating(xs[0]).dtype, [wide(floating(x)) for x in xs]
    xp = backend_of(xs[0]).xp

    def back(v):
        return as_dtype(xp.asarray(v, order="C"), own if v.dtype.kind == "f" else v.dtype)
    return map_structure(back, getattr(xp.linalg, name)(*xs, **options)), None


def _routine(name: str, meaning: str):
    return named(op(lambda x: _library(name, x)), name, meaning)


det, inv = _routine("det", "The determinant of square matrices."), _routine("inv", "The inverse of square matrices.")
eigh = _routine("eigh", "Eigenvalues in ascending order and eigenvectors of symmetric matrices.")
pinv = _routine("pinv", "The pseudo-inverse.")
slogdet = _routine("slogdet", "The sign and the logarithm of the size of the determinant.")
logdet = named(lambda x: slogdet(x)[1], "logdet", "The logarithm of the determinant of positive definite matrices.")
solve = named(op(lambda a, b: _library("solve", a, b)), "solve", "x with a @ x = b.")


@op(arrays=1)
def cholesky(x, upper: bool = False):
    """The triangular matrix whose product with its transpose is x."""
    y, _ = _library("cholesky", x)
    return kernels_of(y).copy(y.swapaxes(-1, -2)) if upper else y, None


@op(arrays=1)
def qr(x, mode: str = "reduced"):
    """An orthonormal and an upper triangular matrix with product x."""
    return _library("qr", x, mode=mode)


@op(arrays=1)
def svd(x, full_matrices: bool = True, compute_uv: bool = True):
    """Singular value decomposition: (u, s, vh), or s alone."""
    return _library("svd", x, full_matrices=full_matrices, compute_uv=compute_uv)


@op(arrays=1)
def matrix_rank(x, tol=None):
    """The number of singular values above `tol`."""
    return _library("matrix_rank", x, tol=tol)[0].astype("int32"), None


@op(arrays=2)
def lstsq(a, b, rcond=None):
    """The shortest x with the smallest |a @ x - b|."""
    return _library("lstsq", a, b, rcond=rcond)[0][0], None


def solve_triangular(a, b, lower: bool = False):
    """x with a @ x = b, where only one triangle of a counts."""
    return solve((tril if lower else triu)(a), b)


def cholesky_inverse(x, upper: bool = False):
    """The inverse of the matrix whose Cholesky factor is x."""
    other = swapaxes(_tensor(x), -1, -2)
    return inv(matmul(other, x) if upper else matmul(x, other))
