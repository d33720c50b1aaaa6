"""CIFAR-100: a hundred classes in twenty groups. Data: Krizhevsky, Nair and Hinton, University of Toronto."""
from .._names import one_of
from . import cifar

SET = cifar.ColorSet("cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                     "cifar-100-binary", {"train.bin": 50000, "test.bin": 10000}, 2)


def load_data(label_mode="fine"):
    """`(x_train, y_train), (x_test, y_test)` with the labels of the classes ("fine") or of the groups ("coarse")."""
    return cifar.load(SET, ("coarse", "fine").index(one_of("cifar100", "label_mode", label_mode, ("fine", "coarse"))))
