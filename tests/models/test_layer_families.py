"""Layers over volumes, random images, categories and grouped attention in training: a replay is the eager step."""
import numpy as np
import pytest

import gpunn
from gpunn import layers

from .test_programs import trained


def volume():
    return gpunn.Sequential([layers.Input((4, 4, 6, 2)), layers.ZeroPadding3D((0, 1, 0)), layers.SpatialDropout3D(0.1),
                             layers.Conv3D(3, 2, activation="relu"), layers.MaxPooling3D(2, padding="same"),
                             layers.Conv3DTranspose(2, 2, strides=2), layers.AveragePooling3D(2),
                             layers.GlobalMaxPooling3D(), layers.Dense(4, activation="softmax")])


def images():
    return gpunn.Sequential([layers.Input((6, 6, 2)), layers.RandomCrop(5, 5), layers.RandomContrast(0.3, (-9, 9)),
                             layers.RandomBrightness(0.1, (-9, 9)), layers.MixUp(), layers.Resizing(6, 4),
                             layers.CenterCrop(4, 4), layers.SpectralNormalization(layers.Conv2D(3, 2)),
                             layers.Flatten(), layers.UnitNormalization(), layers.Dense(4, activation="softmax")])


def categories():
    ids = layers.Input((5,), dtype="int32")
    known = layers.IntegerLookup(vocabulary=[9, 2, 5], output_mode="count")(ids)
    ranges = layers.Discretization([2.5, 7.0], output_mode="multi_hot")(ids)
    each = layers.CategoryEncoding(11, "one_hot")(ids)
    h = layers.GroupQueryAttention(3, 4, 2)(each, each)
    h = layers.AdditiveAttention()([h, h])
    h = layers.EinsumDense("abc,bcd->ad", 6, bias_axes="d", activation="relu")(h)
    return gpunn.Model(ids, layers.Dense(4, activation="softmax")(layers.Concatenate()([h, known, ranges])))


@pytest.mark.parametrize("build", [volume, images, categories])
def test_replay_equals_eager(device, build, capfd):
    eager, replayed = trained(build, True, 2), trained(build, False, 2)
    assert "runs eagerly" not in capfd.readouterr().err
    assert eager[1] == replayed[1]
    for a, b in zip(eager[0], replayed[0], strict=True):
        np.testing.assert_array_equal(a, b)
