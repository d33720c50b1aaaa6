"""Names that Keras users expect at the top: backend, tree, Function, Operation, name_scope, policies, distribution."""
import numpy as np
import pytest

import gpunn as keras
from gpunn import ops, regularizers, tree


def test_every_exported_name_is_there():
    assert keras.version() == keras.__version__
    for name in keras.__all__:
        assert getattr(keras, name) is not None


@pytest.mark.parametrize("dtypes, expected", [          # what Keras answers
    (("int32", "float16"), "float16"), (("bfloat16", "float16"), "float32"), ((int, float), "float32"),
    (("int32", float), "float32"), (("uint8", "int8"), "int16"), (("int64", "float32"), "float32"),
    (("bool", "int32"), "int32"), (("float32", "float64"), "float32"), ((), "float32"), (("bool", int), "int32"),
    (("float16", float), "float16"), (("int8", int), "int8"), (("uint32", "int32"), "int32"),
])
def test_result_type(dtypes, expected):
    assert keras.backend.result_type(*dtypes) == expected


def test_names_of_dtypes():
    names = [keras.backend.standardize_dtype(d)
             for d in (None, float, int, bool, np.float64, np.dtype("int8"), "bfloat16")]
    assert names == ["float32", "float32", "int32", "bool", "float64", "int8", "bfloat16"]
    assert keras.backend.is_float_dtype("bfloat16") and not keras.backend.is_float_dtype("int8")
    assert keras.backend.is_int_dtype("uint8") and not keras.backend.is_int_dtype("bool")
    with pytest.raises(ValueError, match="did you mean 'float32'"):
        keras.backend.standardize_dtype("float23")


def test_uids_begin_again_after_clear_session():
    keras.backend.clear_session()
    assert [keras.backend.get_uid("x"), keras.backend.get_uid("x"), keras.backend.get_uid("y")] == [1, 2, 1]
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.backend.clear_session()
    assert keras.backend.get_uid("x") == 1 and keras.config.dtype_policy().name == "float32"


def test_keras_tensors():
    assert keras.backend.is_keras_tensor(keras.Input((3,))) and not keras.backend.is_keras_tensor(ops.ones(3))
    with pytest.raises(ValueError, match="expected a tensor or a symbol, got int"):
        keras.backend.is_keras_tensor(3)
    assert keras.KerasTensor((2, None), dtype="int32", name="k").shape == (2, None)


def test_a_function_runs_its_graph_on_values_and_symbols():
    a, b = keras.KerasTensor((2, 3)), keras.KerasTensor((2, 3))
    f = keras.Function([a, b], {"sum": ops.sum(a * 2 + b, axis=1)})
    np.testing.assert_array_equal(f([np.ones((2, 3)), np.ones((2, 3))])["sum"].numpy(), [9, 9])
    assert f([keras.KerasTensor((4, 3))] * 2)["sum"].shape == (4,)


def test_an_operation_becomes_a_node():
    class Shift(keras.Operation):
        def __init__(self, by, name=None):
            super().__init__(name=name)
            self.by = by

        def call(self, x):
            return ops.add(x, self.by)
    shift, x = Shift(2.0), keras.Input((3,))
    model = keras.Model(x, shift(x))
    np.testing.assert_array_equal(model.predict(np.zeros((4, 3)), verbose=0), np.full((4, 3), 2.0))
    assert shift.get_config() == {"name": "shift", "by": 2.0} and shift(np.zeros(2)).shape == (2,)


def test_paths_begin_with_the_scope():
    with keras.name_scope("outer"):
        layer = keras.layers.Dense(2, name="d")
        layer.build((None, 3))
        assert (layer.kernel.path, keras.Variable([1.0], name="v").path) == ("outer/d/kernel", "outer/v")
    assert keras.Variable([1.0], name="v").path == "v"
    with pytest.raises(ValueError, match="without '/'"):
        keras.name_scope("a/b")


def test_devices():
    assert keras.distribution.list_devices("cpu") == ["cpu:0"]
    assert keras.distribution.get_device_count("gpu") == keras.backend.device_count()
    with pytest.raises(ValueError, match="'cpu', 'gpu' or None, got 'fpga'"):
        keras.distribution.list_devices("fpga")


def test_policies():
    policy = keras.dtype_policies.get("mixed_float16")
    assert (policy.compute_dtype, policy.variable_dtype, repr(policy)) == ("float16", "float32",
                                                                           '<DTypePolicy "mixed_float16">')
    again = keras.dtype_policies.deserialize(keras.dtype_policies.serialize(policy))
    assert again == policy == keras.mixed_precision.Policy("mixed_float16") != keras.DTypePolicy("float16")
    assert keras.dtype_policies.get({"class_name": "DTypePolicy", "config": {"name": "float64"}}).name == "float64"


def test_trees():
    nested = {"b": [1, 2], "a": (3,)}
    assert tree.flatten_with_path(nested) == [(("a", 0), 3), (("b", 0), 1), (("b", 1), 2)]
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))
    assert tree.pack_sequence_as(nested, [7, 8, 9]) == {"a": (7,), "b": [8, 9]}
    assert tree.map_structure_up_to({"a": 0, "b": 0}, len, {"a": [1, 2], "b": (3,)}) == {"a": 2, "b": 1}
    assert tree.map_shape_structure(len, [(1, 2), {"a": (3, None, 4)}]) == [2, {"a": 3}]
    assert tree.traverse(lambda x: "pair" if isinstance(x, tuple) else None, [1, (2, 3)]) == [1, "pair"]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE() if x == 2 else None, [2, (2, 3)], False) == [None, (None, 3)]
    tree.assert_same_structure([1, {"a": 2}], [3, {"a": 4}])
    tree.assert_same_paths([1], (1,))


@pytest.mark.parametrize("f, a, b, match", [
    (tree.assert_same_structure, [1], (1,), r"\[1\] is not nested like \(1,\)"),
    (tree.assert_same_structure, [1, [2]], [1, 2], r"\[2\] is not nested like 2"),
    (tree.assert_same_paths, [1, 2], [1], r"only a has \[\(1,\)\]"),
    (tree.pack_sequence_as, [0, 0], [1], "2 leaves, flat_sequence 1"),
])
def test_trees_that_differ(f, a, b, match):
    with pytest.raises(ValueError, match=match):
        f(a, b)


def test_orthogonal_rows():
    x = ops.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    assert float(regularizers.OrthogonalRegularizer(0.1)(x)) == pytest.approx(0.1 * 14 / np.sqrt(5 * 50))
    columns = regularizers.get({"class_name": "OrthogonalRegularizer", "config": {"factor": 0.1, "mode": "columns"}})
    cosines = [12 / np.sqrt(9 * 17), 15 / np.sqrt(9 * 29), 22 / np.sqrt(17 * 29)]
    assert float(columns(x)) == pytest.approx(0.1 * np.mean(cosines))
    with pytest.raises(ValueError, match="mode must be 'rows' or 'columns'"):
        regularizers.OrthogonalRegularizer(mode="row")
    with pytest.raises(ValueError, match="the shape must be that of a matrix"):
        columns(ops.ones(3))
