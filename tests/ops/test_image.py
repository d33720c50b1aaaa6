"""Image ops against arrays recorded from Keras 3, their gradients, and what they refuse."""
from pathlib import Path

import numpy as np
import pytest

from gpunn import ops
from gpunn.symbol import Symbol
from gpunn.tensor import Tensor, grad
from tests.golden.image_cases import CASES, X

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "image.npz")
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(CASES)]


@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_like_keras(i):
    name, args, options = CASES[i]
    f = getattr(ops.image, name)
    np.testing.assert_allclose(f(X, *args, **options).numpy(), GOLDEN[str(i)], 1e-4, 1e-5)
    if "transform" not in name:
        single = f(X[0], *args, **options).numpy()
        np.testing.assert_allclose(single, GOLDEN[str(i)][0], 1e-4, 1e-5)
        first = f(np.moveaxis(X, -1, 1), *args, **options, data_format="channels_first").numpy()
        np.testing.assert_allclose(np.moveaxis(first, 1, -1), GOLDEN[str(i)], 1e-4, 1e-5)


@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_gradient_is_the_transpose(i):
    """Every image op is linear in the image: <y, A x> = <A' y, x>, up to what the fill value adds."""
    name, args, options = CASES[i]
    options = {k: v for k, v in options.items() if k != "fill_value"}
    f, x = getattr(ops.image, name), X.astype("float64")
    y = f(x, *args, **options).numpy()
    w = np.random.default_rng(i).normal(size=y.shape)
    dx = grad(lambda t: ops.sum(ops.multiply(f(t, *args, **options), w)))(Tensor(x)).numpy()
    np.testing.assert_allclose((dx * x).sum(), (w * y).sum(), 1e-6)


def test_symbols():
    assert ops.image.resize(Symbol((None, 5, 6, 3)), (4, 4)).shape == (None, 4, 4, 3)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ops.image.resize(X, (2, 2), "cubic"), "resize: interpolation must be 'nearest', "),
        (lambda: ops.image.resize(X[0, 0], (2, 2)), "resize: images must be of shape"),
        (lambda: ops.image.crop_images(X, 1, 1), "crop_images: exactly two of the amount before"),
        (
            lambda: ops.image.crop_images(X, 1, 1, target_height=9, target_width=2),
            "crop_images: the target must be at most"
        ),
        (
            lambda: ops.image.pad_images(X, 1, 1, target_height=2, target_width=9),
            "pad_images: the target must be at least"
        ),
        (
            lambda: ops.image.affine_transform(X, np.zeros((2, 8)), "cubic"),
            "affine_transform: interpolation must be"
        ),
        (
            lambda: ops.image.affine_transform(X, np.zeros((2, 8)), fill_mode="edge"),
            "affine_transform: fill_mode must be"
        ),
        (
            lambda: ops.image.resize(X, (2, 2), data_format="nhwc"),
            "resize: data_format is 'channels_last' or"
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_resized_bytes_are_rounded_bytes():
    x = (np.arange(16).reshape(1, 4, 4, 1) * 10).astype("uint8")
    y = ops.image.resize(x, (3, 3))
    assert y.dtype == "uint8" and y.numpy()[0, :, :, 0].tolist() == [[8, 22, 35], [62, 75, 88], [115, 128, 142]]
