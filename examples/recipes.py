"""Two recipes for deep networks: the usual one (He, ELU, batch norm) and the self-normalising one (LeCun, SELU).

    python examples/recipes.py
"""
import gpunn
from gpunn import layers
from gpunn.callbacks import EarlyStopping
from gpunn.datasets import mnist_5k
from gpunn.optimizers.schedules import OneCycle

DEPTH, WIDTH, EPOCHS, BATCH = 10, 64, 15, 64
(x, y), (x_test, y_test) = mnist_5k.load_data()
mean, deviation = x.mean(), x.std()
x, x_test = [((part - mean) / deviation).astype("float32") for part in (x, x_test)]


def plain():
    return [layers.Dense(WIDTH, activation="sigmoid", kernel_initializer=gpunn.initializers.RandomNormal(0, 0.05))]


def usual():
    return [layers.Dense(WIDTH, use_bias=False, kernel_initializer="he_normal"), layers.BatchNormalization(),
            layers.Activation("elu")]


def self_normalising():
    return [layers.Dense(WIDTH, activation="selu", kernel_initializer="lecun_normal"), layers.AlphaDropout(0.02)]


def network(recipe):
    """-> (the model, the outputs of its hidden layers)"""
    body = [layer for _ in range(DEPTH) for layer in recipe()]
    model = gpunn.Sequential([layers.Input((28, 28)), layers.Flatten(), *body, layers.Dense(10, activation="softmax")])
    return model, [layer.output for layer in body[len(body) // DEPTH - 1::len(body) // DEPTH]]


def trained(model):
    steps = EPOCHS * -(-int(0.9 * len(x)) // BATCH)
    model.compile(gpunn.optimizers.SGD(OneCycle(0.05, steps), momentum=0.9), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    model.fit(x, y, validation_split=0.1, batch_size=BATCH, epochs=EPOCHS, verbose=0,
              callbacks=[EarlyStopping(patience=5, restore_best_weights=True)])
    return model.evaluate(x_test, y_test, verbose=0)[1]


accuracy, spread = {}, {}
for recipe in (plain, usual, self_normalising):
    gpunn.set_seed(1)
    name, (model, hidden) = recipe.__name__, network(recipe)
    spread[name] = [y.std() for y in gpunn.Model(model.inputs, hidden).predict(x, verbose=0)]
    accuracy[name] = trained(model)

print(f"{DEPTH} hidden layers     spread after layer 1, 5, 10    test accuracy")
for name in accuracy:
    print(f"{name:20s}", *[f"{spread[name][i]:8.3f}" for i in (0, 4, 9)], f"{accuracy[name]:19.3f}")
assert all(0.7 < value < 1.3 for value in spread["self_normalising"])
assert min(accuracy["usual"], accuracy["self_normalising"]) > 0.85 > accuracy["plain"] + 0.3
