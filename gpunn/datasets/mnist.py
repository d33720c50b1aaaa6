"""MNIST: 60,000 + 10,000 handwritten digits of 28x28. Data: CC BY-SA 3.0, LeCun and Cortes."""
from . import images

SET = images.ImageSet(title="MNIST", archive="mnist.npz", folders=("MNIST/raw",),
                      downloads={"mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"},
                      instead="gpunn.datasets.mnist_5k (5,000 real MNIST images)")


def load_data(path: str = "mnist.npz"):
    """`(x_train, y_train), (x_test, y_test)`: uint8, 60,000 and 10,000 images, found or fetched."""
    return images.load(SET, path)


def find_data():
    """As `load_data`, but looks on this machine only; None when the set is not there."""
    return images.find(SET, SET.archive)
