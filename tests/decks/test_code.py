"""Rows A: the lines of code that the lectures print, run as printed with gpunn in the place of Keras."""
import sys

import numpy as np
import pytest

import gpunn as keras
from gpunn import layers, losses
from gpunn.callbacks import ProgbarLogger
from gpunn.datasets import mnist_5k


@pytest.fixture
def loaded(monkeypatch):
    """`from keras.datasets import mnist` gives 60,000 + 10,000 images: 4,000 + 1,000 real ones, again and again."""
    (x, y), (u, v) = mnist_5k.load_data()
    data = (np.tile(x, (15, 1, 1)), np.tile(y, 15)), (np.tile(u, (10, 1, 1)), np.tile(v, 10))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: data)
    for name, module in (("keras", keras), ("keras.datasets", keras.datasets), ("keras.utils", keras.utils)):
        monkeypatch.setitem(sys.modules, name, module)


def test_a1_to_a9_the_first_program(loaded, capsys):
    from keras.datasets import mnist
    from keras.utils import to_categorical
    (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
    assert train_images.ndim == 3
    assert train_images.shape == (60000, 28, 28)
    assert train_images.dtype == np.uint8
    digit = train_images[4]
    assert type(digit) is np.ndarray and digit.shape == (28, 28)        # what plt.imshow(digit) takes
    train_images = train_images.reshape((60000, 28 * 28))
    train_images = train_images.astype('float32') / 255
    test_images = test_images.reshape((10000, 28 * 28))
    test_images = test_images.astype('float32') / 255
    train_labels = to_categorical(train_labels)
    test_labels = to_categorical(test_labels)
    assert train_labels.shape == (60000, 10)
    keras.set_seed(0)
    network = keras.Sequential()
    network.add(layers.Dense(32, activation='relu', input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation='softmax'))
    network.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['acc'])
    history = network.fit(train_images, train_labels, epochs=2, batch_size=128,
                          callbacks=[ProgbarLogger(style="classic")]).history
    test_loss, test_acc = network.evaluate(test_images, test_labels, verbose=0)
    print('test_acc:', test_acc)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[1].startswith(f"60000/60000 [{'=' * 30}] - ") and " - acc: 0." in lines[1]
    assert lines[-1] == f"test_acc: {test_acc}" and type(test_loss) is type(test_acc) is float
    assert list(history) == ["loss", "acc"] and test_acc > 0.85


@pytest.mark.parametrize("seed", [0, 1])
def test_the_network_of_the_lecture_on_the_images_that_are_built_in(seed):
    """4,000 images, 20 epochs: Keras reaches 0.941 to 0.943 of the 1,000 others."""
    (x, y), (u, v) = mnist_5k.load_data()
    keras.set_seed(seed)
    network = keras.Sequential([layers.Dense(512, activation='relu', input_shape=(28 * 28,)),
                                layers.Dense(10, activation='softmax')])
    network.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])
    assert network.count_params() == 407_050
    network.fit(x.reshape(-1, 784) / 255, keras.utils.to_categorical(y), epochs=20, batch_size=128, verbose=0)
    assert 0.93 < network.evaluate(u.reshape(-1, 784) / 255, keras.utils.to_categorical(v), verbose=0)[1] < 0.955


def test_a11_to_a14_optimizers():
    keras.optimizer.SGD(learning_rate=0.001, momentum=0.9)
    keras.optimizer.RMSprop(learning_rate=0.01, rho=0.9)
    adam = keras.optimizers.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False,
                                 name='Adam')
    names = ("learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad")
    config, default = adam.get_config(), keras.optimizers.Adam().get_config()
    assert config["name"] == "Adam" and [config[n] for n in names] == [default[n] for n in names]


def test_a14_power_scheduling_really_decays():
    """0.01 / (1 + 1e-4 t): the weight of a loss with slope 1 moves by the sum of the rates."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizer.SGD(learning_rate = 0.01, decay = 1e-4), lambda y, p: p)
    model.fit(np.ones((3000, 1)), np.ones((3000, 1)), batch_size=1, verbose=0)
    rates = 0.01 / (1 + 1e-4 * np.arange(3000))
    assert -float(model.get_weights()[0][0, 0]) == pytest.approx(rates.sum(), rel=1e-4) != pytest.approx(30, rel=0.1)


@pytest.mark.parametrize("regularizer, penalty", [
    (keras.regularizers.l1(0.01), lambda w: 0.01 * abs(w).sum()), (keras.regularizers.l2(0.1),
                                                                  lambda w: 0.1 * (w * w).sum()),
    (keras.regularizers.l1_l2(0.01, 0.1), lambda w: (0.01 * abs(w) + 0.1 * w * w).sum())])
@pytest.mark.parametrize("layer, shape", [("Dense", (5,)), ("Conv2D", (5, 5, 2)), ("LSTM", (4, 3))])
def test_a15_kernel_regularizers(layer, shape, regularizer, penalty):
    options = {"kernel_size": 2} if layer == "Conv2D" else {}
    made = getattr(layers, layer)(3, kernel_regularizer=regularizer, **options)
    made(np.ones((1, *shape), "float32"))
    assert float(sum(made.losses)) == pytest.approx(penalty(made.get_weights()[0]), rel=1e-5)


def test_a16_summary_has_parameters():
    lines = []
    keras.Sequential([keras.Input((784,)), layers.Dense(512), layers.Dense(10)]).summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in ("Param #", "401,920", "5,130", "Total params: 407,050", "Trainable params: 407,050",
                 "Non-trainable params: 0"):
        assert part in text


# the plain functions of the lecture
def CrossEntropy(yHat, y):
    return -np.log(yHat) if y == 1 else -np.log(1 - yHat)


def Hinge(yHat, y):
    return np.maximum(0, 1 - yHat * y)          # the slide's np.max(0, ...) takes 1 - yHat * y for an axis


def L1(yHat, y):
    return np.sum(np.absolute(yHat - y))


def MSE(yHat, y):
    return np.sum((yHat - y) ** 2) / y.size


def test_a18_x1_plain_functions():
    y, p = np.array([1.0, 0.0, 1.0]), np.array([0.2, 0.4, 0.9])
    sides = 2 * y - 1
    want = [CrossEntropy(a, b) for a, b in zip(p, y)]
    np.testing.assert_allclose(losses.binary_crossentropy(y[:, None], p[:, None]).numpy(), want, rtol=1e-5)
    np.testing.assert_allclose(losses.hinge(sides[:, None], p[:, None]).numpy(), Hinge(p, sides))
    assert losses.MeanAbsoluteError(reduction="sum")(y[:, None], p[:, None]).item() == pytest.approx(L1(p, y))
    assert losses.mean_squared_error(y, p).item() == pytest.approx(MSE(p, y))
    with pytest.raises(TypeError):
        np.max(0, 1 - p * sides)


def test_a21_the_operation_of_a_layer():
    from gpunn.ops import dot, relu
    W, input, b = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([2.0, 3.0]), np.array([0.5, 1.0])
    output = relu(dot(W, input) + b)
    np.testing.assert_array_equal(output.numpy(), [0, 19])


def test_a22_a_step_in_place():
    W, step, gradient = np.array([1.0, 2.0]), 0.1, np.array([10.0, -10.0])
    same, variable = W, keras.Variable(W.astype("float32"))
    place = variable.data
    W -= step * gradient
    variable.assign_sub(step * gradient)
    assert W is same and variable.data is place
    np.testing.assert_array_equal(W, [0, 3])
    np.testing.assert_array_equal(variable.numpy(), [0, 3])


def test_a23_loss_plus_complexity():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1)),
                              layers.Dense(1, kernel_regularizer=keras.regularizers.L1(0.1))])
    model.compile("sgd", "mse", metrics=["mse"])
    x, y = np.random.default_rng(0).normal(size=(2, 8, 3))
    total, data = model.evaluate(x, y[:, :1], verbose=0)
    complexity = [float(loss) for loss in model.losses]
    w, _, v, _ = model.get_weights()
    np.testing.assert_allclose(complexity, [0.1 * np.sum(w * w), 0.1 * np.abs(v).sum()], rtol=1e-5)
    assert total == pytest.approx(data + sum(complexity), rel=1e-5)


@pytest.mark.parametrize("name", ["acc", "accuracy"])
def test_x16_the_key_is_the_name_that_was_given(name):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[name])
    assert name in model.fit(np.ones((4, 3)), np.zeros(4, int), verbose=0).history
