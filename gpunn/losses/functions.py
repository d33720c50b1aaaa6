"""The losses as functions: (y_true, y_pred) -> one value a sample. Formulas and constants are Keras 3's."""
from math import log as natural_log

from .. import ops
from .._config import epsilon, storage
from ..ops.activation import labels_of
from ..ops.dense import mean_softmax_cross_entropy
from .loss import same_rank


def tensors(y_true, y_pred):
    """Both as tensors in the dtype of the predictions."""
    y_pred = ops.convert_to_tensor(y_pred)
    if y_pred.dtype not in ("float32", "float64"):
        y_pred = ops.cast(y_pred, storage())
    return ops.convert_to_tensor(y_true, y_pred.dtype), y_pred


def aligned(y_true, y_pred):
    """Both as tensors of one rank."""
    return same_rank(*tensors(y_true, y_pred))


def mean_squared_error(y_true, y_pred):
    """mean((y_true - y_pred)**2) over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), -1)


def mean_absolute_error(y_true, y_pred):
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), -1)


def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean(|y_true - y_pred| / |y_true|) over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), epsilon())), -1)


def mean_squared_logarithmic_error(y_true, y_pred):
    """mean((log(1 + y_true) - log(1 + y_pred))**2) over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    first, second = (ops.log(ops.maximum(y, epsilon()) + 1.0) for y in (y_pred, y_true))
    return ops.mean(ops.square(first - second), -1)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between the two: -1 is the same direction."""
    y_true, y_pred = aligned(y_true, y_pred)
    return -ops.sum(unit(y_true, axis) * unit(y_pred, axis), axis)


def unit(x, axis):
    """x over its length; a length of 0 counts as 1e-6."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), 1e-12))


def huber(y_true, y_pred, delta=1.0):
    """Quadratic for errors up to delta, linear beyond; mean over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    error = y_pred - y_true
    near = ops.clip(error, -delta, delta)
    return ops.mean(near * (error - 0.5 * near), -1)


def log_cosh(y_true, y_pred):
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = aligned(y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(error * -2.0) - natural_log(2.0), -1)


def signs(y_true):
    """Labels 0 and 1 become -1 and 1; other labels stay."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true, y_pred):
    """mean(max(1 - y_true * y_pred, 0)) over the last axis, labels -1 and 1 (or 0 and 1)."""
    y_true, y_pred = tensors(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - signs(y_true) * y_pred, 0.0), -1)


def squared_hinge(y_true, y_pred):
    """mean(max(1 - y_true * y_pred, 0)**2) over the last axis, labels -1 and 1 (or 0 and 1)."""
    y_true, y_pred = tensors(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - signs(y_true) * y_pred, 0.0)), -1)


def categorical_hinge(y_true, y_pred):
    """max(largest wrong score - right score + 1, 0), labels one-hot."""
    y_true, y_pred = tensors(y_true, y_pred)
    wrong = ops.max((1.0 - y_true) * y_pred, -1)
    return ops.maximum(wrong - ops.sum(y_true * y_pred, -1) + 1.0, 0.0)


def kl_divergence(y_true, y_pred):
    """sum(y_true * log(y_true / y_pred)) over the last axis."""
    y_true, y_pred = tensors(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), -1)


def poisson(y_true, y_pred):
    """mean(y_pred - y_true * log(y_pred)) over the last axis."""
    y_true, y_pred = tensors(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + epsilon()), -1)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-(y log(p) + (1 - y) log(1 - p)), mean over the last axis."""
    y_true, y_pred = tensors(y_true, y_pred)
    return ops.mean(ops.binary_crossentropy(smoothed(y_true, label_smoothing, 2), y_pred, from_logits), axis)


def smoothed(y_true, smoothing, classes):
    """Labels moved towards the uniform distribution."""
    return y_true * (1.0 - smoothing) + smoothing / classes if smoothing else y_true


def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1):
    """Binary cross-entropy in which samples that are already right count less: times (1 - p_t)**gamma."""
    y_true, y_pred = tensors(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    right = y_true * p + (1.0 - y_true) * (1.0 - p)
    loss = ops.power(1.0 - right, gamma) * ops.binary_crossentropy(y_true, p)
    if apply_class_balancing:
        loss = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * loss
    return ops.mean(loss, axis)


def classes_of(who, y_true, y_pred):
    """One-hot labels and predictions; integer labels are refused with the way out."""
    label, scores = tuple(y_true.shape), tuple(y_pred.shape)
    if label != scores and (len(label) == len(scores) - 1 or label[-1:] == (1,)):
        raise ValueError(f"{who}: expected one-hot labels of shape {scores}, got labels of shape {label}. For integer "
                         "labels use sparse_categorical_crossentropy, or encode them with "
                         f"to_categorical(y, {scores[-1]})")
    return tensors(y_true, y_pred)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum(y log(p)), labels one-hot."""
    y_true, y_pred = classes_of("categorical_crossentropy", *map(ops.convert_to_tensor, (y_true, y_pred)))
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits, axis)


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                                   axis=-1):
    """Categorical cross-entropy times alpha (1 - p)**gamma: what is already right counts less."""
    y_true, y_pred = classes_of("categorical_focal_crossentropy", *map(ops.convert_to_tensor, (y_true, y_pred)))
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    p = ops.softmax(y_pred, axis) if from_logits else y_pred
    p = ops.clip(p / ops.sum(p, axis, keepdims=True), epsilon(), 1.0 - epsilon())
    return ops.sum(ops.power(1.0 - p, gamma) * alpha * (-y_true * ops.log(p)), axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log(p[label]) for integer labels; labels equal to ignore_class do not count."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if tuple(y_true.shape) == tuple(y_pred.shape) and y_pred.shape[-1] > 1:
        raise ValueError("sparse_categorical_crossentropy: expected integer labels of shape "
                         f"{tuple(y_pred.shape[:-1])}, got labels of shape {tuple(y_true.shape)}. "
                         "For one-hot labels use categorical_crossentropy")
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    valid = ops.not_equal(y_true, ignore_class)
    y_pred = ops.where(ops.expand_dims(valid, axis), y_pred, 0.0)
    loss = ops.sparse_categorical_crossentropy(ops.where(valid, y_true, 0), y_pred, from_logits, axis)
    loss = ops.where(valid, loss, 0.0)
    loss.mask = valid
    return loss


def mean_of_logits(y_true, y_pred):
    """The mean of sparse_categorical_crossentropy on logits, in the pass that makes their gradient; None where none is
    wanted."""
    labels = labels_of(y_true, y_pred)
    usual = y_pred.requires_grad and tuple(labels.shape) == tuple(y_pred.shape[:-1])
    return mean_softmax_cross_entropy(y_pred, labels) if usual else None


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p[label]**q) / q: between cross-entropy (q -> 0) and absolute error (q = 1)."""
    if not 0 < q < 1:
        raise ValueError(f"categorical_generalized_cross_entropy: q must lie in (0, 1), got {q}")
    return (1.0 - ops.power(ops.pick(y_pred, y_true), q)) / q


def dice(y_true, y_pred, axis=None):
    """1 - 2 |both| / (|labels| + |predictions|)"""
    y_true, y_pred = tensors(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis)
    return 1.0 - 2.0 * both / (ops.sum(y_true, axis) + ops.sum(y_pred, axis) + epsilon())


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - |both| / (|both| + alpha |labels alone| + beta |predictions alone|)"""
    y_true, y_pred = tensors(y_true, y_pred)
    both, labels, predictions = (ops.sum(v, axis) for v in (y_true * y_pred, (1.0 - y_pred) * y_true,
                                                            y_pred * (1.0 - y_true)))
    return 1.0 - both / (both + labels * alpha + predictions * beta + epsilon())
