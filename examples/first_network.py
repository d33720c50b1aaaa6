"""The first program of a course: a network of two dense layers learns handwritten digits.

    python examples/first_network.py        all of MNIST where it is on this machine, else 5,000 images of it
"""
import gpunn as keras
from gpunn.datasets import mnist, mnist_5k
from gpunn.utils import to_categorical

whole = mnist.find_data()
(train_images, train_labels), (test_images, test_labels) = whole or mnist_5k.load_data()
train_images = train_images.reshape((-1, 28 * 28)).astype("float32") / 255
test_images = test_images.reshape((-1, 28 * 28)).astype("float32") / 255
train_labels, test_labels = to_categorical(train_labels), to_categorical(test_labels)

network = keras.Sequential([keras.layers.Dense(512, activation="relu", input_shape=(28 * 28,)),
                            keras.layers.Dense(10, activation="softmax")])
network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
network.fit(train_images, train_labels, epochs=5, batch_size=128)
test_loss, test_acc = network.evaluate(test_images, test_labels)
print("test_acc:", test_acc)
assert test_acc > (0.97 if whole else 0.89)
