"""What a layer says when it is used wrongly: who, what was expected, what came, and the fix."""
import re

import numpy as np
import pytest

from gpunn import constraints, initializers, layers, regularizers
from gpunn.layers import Input
from gpunn.tensor import Tensor


def x(*shape):
    return np.zeros(shape, "float32")


def built(layer, *shape):
    layer(x(*shape))
    return layer


ERRORS = {
    "unknown option": (lambda: layers.Dense(2, activaton="relu"), "Dense 'dense.*': unknown argument "
                                                                  "'activaton'; did you mean 'activation'"),
    "unknown option of conv": (lambda: layers.Conv2D(2, 3, filter=1), "unknown argument 'filter'; did you "
                                                                      "mean 'filters'"),
    "unknown activation": (lambda: layers.Dense(2, "rleu"), "unknown activation 'rleu'; did you mean 'relu'"),
    "unknown initializer": (lambda: layers.Dense(2, kernel_initializer="he_norml"),
                            "unknown initializer 'he_norml'; did you mean 'he_normal'"),
    "unknown regularizer": (lambda: regularizers.get("l3"), "unknown regularizer 'l3'"),
    "unknown constraint": (lambda: constraints.get("max_nrm"), "unknown constraint 'max_nrm'; did you mean "
                                                               "'max_norm'"),
    "not a name": (lambda: layers.Dense(2, kernel_initializer=3), "initializer: expected a name, a config or "
                                                                  "an object, got 3"),
    "config without class": (lambda: layers.deserialize({"name": "x"}),
                             "layer: expected a config with 'class_name' and 'config'"),
    "units": (lambda: layers.Dense(-1), "Dense 'dense.*': units must be a positive integer, got -1"),
    "dtype": (lambda: layers.Dense(1, dtype="float8"), "Dense: dtype policy must be .*'float8'; did you mean"),
    "features": (lambda: built(layers.Dense(2, name="d"), 3, 4)(x(3, 5)),
                 r"Dense 'd': argument 'inputs' has shape \(3, 5\): expected 4 on axis -1, got 5. Fix: "
                 "the layer was built"),
    "rank": (lambda: layers.Conv2D(2, 3)(x(2, 8, 8)),
             r"Conv2D 'conv2d.*': argument 'inputs' has shape \(2, 8, 8\): expected 4 axes, got 3. Fix: "
             "add the missing axis"),
    "no time": (lambda: layers.LSTM(2)(layers.GRU(3)(x(2, 3, 4))), "expected 3 axes, got 2. Fix: .*return_sequences"),
    "no time, both ways": (lambda: layers.Bidirectional(layers.GRU(2))(x(2, 3)), "expected 3 axes, got 2"),
    "axis": (lambda: layers.BatchNormalization(axis=5)(x(3, 4)), r"axis must be an axis of \(3, 4\), got 5"),
    "no words": (lambda: layers.TextVectorization()(["a b"]), r"vocabulary must be given, or learned by adapt"),
    "no numbers": (lambda: layers.IntegerLookup()([1]), r"vocabulary must be given, or learned by adapt"),
    "not an image": (lambda: layers.RandomFlip()(x(4, 3)), "expected at least 3 axes, got 2. Fix: add the missing"),
    "too many axes": (lambda: layers.LSTM(2)(x(2, 3, 4, 5)),
                      "expected 3 axes, got 4. Fix: drop or join axes"),
    "features of a symbol": (lambda: built(layers.Dense(2), 3, 4)(Input((5,))),
                             "expected 4 on axis -1, got 5"),
    "unknown features": (lambda: layers.Dense(2)(Input((None,))), "the input's last axis must be known when "
                                                                  "the layer is built"),
    "channels": (lambda: layers.Conv2D(4, 1, groups=2)(x(1, 3, 3, 3)), "the number of channels must be a "
                                                                       "multiple of groups=2, got 3"),
    "filters": (lambda: layers.Conv2D(3, 1, groups=2), "filters must be a multiple of groups=2, got 3"),
    "kernel size": (lambda: layers.Conv2D(3, (1, 2, 3)), r"kernel_size must be an integer >= 1 or 2 of them, "
                                                         r"got \(1, 2, 3\)"),
    "padding": (lambda: layers.Conv2D(3, 1, padding="smae"), "padding must be 'valid' or 'same', got 'smae'; did you"),
    "format": (lambda: layers.MaxPooling2D(data_format="nhwc"), "data_format must be '"),
    "window": (lambda: layers.Conv2D(1, 5)(x(1, 3, 3, 1)), r"a window of \(5, 5\) does not fit the input of "
                                                           r"shape .*Fix: use a smaller window"),
    "pool window": (lambda: layers.MaxPooling2D(4)(Input((3, 3, 1))), r"a window of \(4, 4\) does not fit"),
    "reshape": (lambda: layers.Reshape((5,))(x(2, 4)), r"argument 'inputs' has 4 numbers a sample .*expected "
                                                       r"5 for target_shape=\(5,\). Fix"),
    "permute": (lambda: layers.Permute((0, 1)), "dims must be a permutation of 1, 2"),
    "cropping": (lambda: layers.Cropping2D(2)(x(1, 3, 3, 1)), "cropping must be smaller than the input"),
    "rate": (lambda: layers.Dropout(1.5), "rate must be a number from 0 to 1, got 1.5"),
    "merge": (lambda: layers.Add()(x(2, 3)), r"argument 'inputs' must be a list of 1 or more tensors.*Fix: "
                                             r"Add\(\)\(\[a, b\]\)"),
    "merge shapes": (lambda: layers.Add()([x(2, 3), x(2, 4)]), r"the inputs have shapes \(2, 3\), \(2, 4\), "
                                                               r"which do not fit together"),
    "subtract": (lambda: layers.Subtract()([x(2, 3)] * 3), "the number of inputs must be 2, got 3"),
    "concatenate": (lambda: layers.Concatenate()([x(2, 3, 1), x(2, 4, 1)]),
                    "expected equal sizes on every axis but -1"),
    "dot": (lambda: layers.Dot(1)([x(2, 3), x(2, 4)]), "axis 1 of the first input has 3 numbers, axis 1 of "
                                                       "the second 4"),
    "groups": (lambda: layers.GroupNormalization(4)(x(2, 6)), "groups must be a divisor of the 6 channels, "
                                                              "got 4"),
    "renorm": (lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1}),
               "renorm_clipping must be a dictionary of rmin, rmax and dmax"),
    "heads": (lambda: layers.MultiHeadAttention(0, 2), "num_heads must be a positive integer, got 0"),
    "attention": (lambda: layers.Attention()(x(2, 3)), r"inputs must be \[query, value\] or"),
    "cell": (lambda: layers.RNN(3), "cell must be a layer with call"),
    "steps": (lambda: layers.LSTM(2)(x(2, 0, 3)), "sequences must be of at least one step"),
    "stateful": (lambda: layers.LSTM(2, stateful=True)(Input((3, 2))), "stateful must be used with a fixed "
                                                                       "batch size"),
    "bidirectional": (lambda: layers.Bidirectional(layers.Dense(2)), "layer must be a recurrent layer"),
    "merge mode": (lambda: layers.Bidirectional(layers.LSTM(2), "mean"), "merge_mode must be '"),
    "wrapper": (lambda: layers.TimeDistributed(3), "layer must be a layer, got 3"),
    "maxout": (lambda: layers.Maxout(4)(x(2, 6)), "num_units must be a divisor of the 6 channels"),
    "input": (lambda: Input(4), r"shape must be a tuple such as \(4,\), got 4"),
    "input twice": (lambda: Input((4,), batch_shape=(1, 4)), "shape must be given, or batch_shape, but not "
                                                             "both"),
    "missing input": (lambda: layers.Dense(2)(), "argument 'inputs' is missing"),
    "count": (lambda: layers.Dense(2).count_params(), "has no weights yet.*Fix: call it on data"),
    "number of weights": (lambda: layers.Dense(2, name="d").set_weights([x(2)]),
                          "Dense 'd': set_weights expected 0 arrays .*got 1. Fix: build"),
    "shape of a weight": (lambda: built(layers.Dense(2, name="d"), 3, 4).set_weights([x(4, 2), x(3)]),
                          r"set_weights expected shape \(2,\) for d/bias \(array 1\), got \(3,\)"),
    "output": (lambda: layers.Dense(2).output, "has no input or output yet: it was not called on a symbol"),
    "loss": (lambda: layers.Dense(2).add_loss(3.0), "add_loss expected a tensor, got float 3.0"),
    "lambda": (lambda: layers.Lambda(lambda v: v).get_config(), "function must be one of gpunn.ops, or registered"),
    "adapt": (lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(x(2, 2)),
              r"mean must be None: adapt\(\) measures it"),
    "mean alone": (lambda: layers.Normalization(mean=0.0), "mean and variance must be given together"),
    "orthogonal": (lambda: initializers.Orthogonal()((3,)), "Orthogonal: shape must be of at least two "
                                                            "axes"),
    "identity": (lambda: initializers.Identity()((3,)), "Identity: shape must be that of a matrix"),
    "scale": (lambda: initializers.VarianceScaling(scale=-1), "VarianceScaling: scale must be a positive "
                                                              "number, got -1"),
    "mode": (lambda: initializers.VarianceScaling(mode="fan"), "VarianceScaling: mode must be .*, got 'fan'"),
    "given values": (lambda: initializers.get(x(2, 2))((3, 3)), r"the array must be of shape \(3, 3\), got "
                                                                r"\(2, 2\)"),
    "factor": (lambda: regularizers.L2(-1.0), "L2: l2 must be a number >= 0, got -1.0"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_says(what):
    f, words = ERRORS[what]
    with pytest.raises((ValueError, TypeError, AttributeError)) as error:
        f()
    assert re.search(words, str(error.value), re.S), str(error.value)


def test_a_custom_layer_must_define_call():
    with pytest.raises(NotImplementedError, match=r"Layer 'layer.*' must define call\(self, inputs\)"):
        layers.Layer()(x(1))


def test_a_config_must_be_plain():
    class Odd(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)
    with pytest.raises(ValueError, match="the argument thing=.* has no plain form; define get_config"):
        Odd(object()).get_config()


def test_add_weight_refuses_unknown_arguments():
    with pytest.raises(TypeError, match="add_weight: unknown argument 'initialiser'; did you mean "
                                        "'initializer'"):
        layers.Layer().add_weight((2,), initialiser="ones")


def test_a_tensor_of_the_wrong_rank_says_so_too():
    with pytest.raises(ValueError, match="expected at least 2 axes, got 1"):
        layers.Dense(2)(Tensor(x(3)))
