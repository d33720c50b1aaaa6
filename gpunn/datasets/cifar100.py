"""CIFAR-100: a hundred classes in twenty groups. Data: Krizhevsky, Nair and Hinton, University of Toronto."""
from . import cifar

SET = cifar.ColorSet("cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                     "cifar-100-binary", {"train.bin": 50000, "test.bin": 10000}, 2)


def load_data(label_mode="fine"):
    """`(x_train, y_train), (x_test, y_test)` with the labels of the classes ("fine") or of the groups ("coarse")."""
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"cifar100: label_mode must be 'fine' or 'coarse', got {label_mode!r}")
    return cifar.load(SET, ("coarse", "fine").index(label_mode))
