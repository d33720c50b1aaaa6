"""5,000 real MNIST images, built in. Data: CC BY-SA 3.0, LeCun and Cortes."""
from . import builtin


def load_data():
    """`(x_train, y_train), (x_test, y_test)`: uint8, 4,000 and 1,000 images of 28x28, as many of each digit.

    All come from MNIST's training part; every fifth image of each digit is held out.
    """
    data = builtin.read("mnist_5k")
    return builtin.split(data["x"], data["y"])
