"""CIFAR-10: ten classes of animals and vehicles. Data: Krizhevsky, Nair and Hinton, University of Toronto."""
from . import cifar

SET = cifar.ColorSet("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                     "cifar-10-batches-bin",
                     {f"{name}.bin": 10000 for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")}, 1)


def load_data():
    """`(x_train, y_train), (x_test, y_test)`: uint8, 50,000 and 10,000 images (32, 32, 3), labels (n, 1)."""
    return cifar.load(SET)
