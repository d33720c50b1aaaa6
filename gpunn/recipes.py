"""Two recipes for deep networks of dense layers that need little thought; each gives a model and its callbacks."""
from . import layers
from .callbacks import EarlyStopping
from .models import Sequential
from .optimizers import SGD
from .optimizers.schedules import OneCycle


def default_dnn(input_shape, classes, steps, hidden=(100,) * 3, rate=0.1):
    """He initialisation, ELU, batch normalisation, early stopping, momentum with 1cycle over `steps` batches."""
    block = [(layers.Dense(units, kernel_initializer="he_normal", use_bias=False), layers.BatchNormalization(),
              layers.Activation("elu")) for units in hidden]
    return _recipe(input_shape, [layer for part in block for layer in part], classes, steps, rate), [
        EarlyStopping(patience=5, restore_best_weights=True)]


def self_normalizing(input_shape, classes, steps, hidden=(100,) * 3, rate=0.05, dropout=0.05):
    """LeCun initialisation, SELU, alpha dropout, momentum with 1cycle; inputs must have mean 0, deviation 1."""
    body = [layers.Dense(units, "selu", kernel_initializer="lecun_normal") for units in hidden]
    return _recipe(input_shape, [*body, layers.AlphaDropout(dropout)], classes, steps, rate), []


def _recipe(input_shape, body, classes, steps, rate):
    model = Sequential([layers.Input(input_shape), layers.Flatten(), *body, layers.Dense(classes, "softmax")])
    model.compile(SGD(OneCycle(rate, steps), momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
