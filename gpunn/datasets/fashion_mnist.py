"""Fashion-MNIST: 60,000 + 10,000 pieces of clothing of 28x28, ten classes. Data: MIT, Zalando SE."""
from . import images

SET = images.ImageSet(
    title="Fashion-MNIST", archive="fashion_mnist.npz", folders=("fashion-mnist", "FashionMNIST/raw"), downloads={
        "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    }, instead="gpunn.datasets.mnist_5k (5,000 real MNIST images)")


def load_data():
    """`(x_train, y_train), (x_test, y_test)`: uint8, 60,000 and 10,000 images, found or fetched."""
    return images.load(SET, SET.archive)


def find_data():
    """As `load_data`, but looks on this machine only; None when the set is not there."""
    return images.find(SET, SET.archive)
