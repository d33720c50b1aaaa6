"""What an InputSpec accepts, and what it says about the rest."""
import numpy as np
import pytest

from gpunn.layers import InputSpec, Layer


@pytest.mark.parametrize("spec, shape, problem", [
    (InputSpec(ndim=2), (3, 4), None),
    (InputSpec(ndim=2), (3,), "expected 2 axes, got 1"),
    (InputSpec(min_ndim=2), (3,), "expected at least 2 axes, got 1"),
    (InputSpec(max_ndim=2), (3, 4, 5), "expected at most 2 axes, got 3"),
    (InputSpec(axes={-1: 4}), (3, 4), None),
    (InputSpec(axes={-1: 4}), (3, None), None),
    (InputSpec(axes={-1: 4}), (3, 5), "expected 4 on axis -1, got 5"),
    (InputSpec(shape=(None, 4)), (9, 4), None),
    (InputSpec(shape=(None, 4)), (9, 4, 1), "expected 2 axes, got 3"),
    (InputSpec(shape=(None, 4)), (9, 3), "expected 4 on axis 1, got 3"),
])
def test_problems(spec, shape, problem):
    found = spec.problem(shape)
    assert (found and found[0]) == problem


def test_a_layer_of_several_inputs_names_the_one_that_is_wrong():
    class Two(Layer):
        input_spec = [InputSpec(ndim=2), InputSpec(ndim=3)]

        def call(self, pair):
            return pair[0]
    x = np.zeros((2, 3), "float32")
    with pytest.raises(ValueError, match=r"argument 'pair\[1\]' has shape \(2, 3\): expected 3 axes, got 2"):
        Two()([x, x])


def test_a_spec_shows_itself():
    assert repr(InputSpec(ndim=2, axes={-1: 4})) == "InputSpec(ndim=2, axes={-1: 4})"
