"""The first program of a course: a network of two dense layers learns handwritten digits.

    python examples/first_network.py        needs all of MNIST; see `gpunn.datasets.mnist`
"""
import gpunn as keras
from gpunn.datasets import mnist
from gpunn.utils import to_categorical

(train_images, train_labels), (test_images, test_labels) = mnist.load_data()
train_images = train_images.reshape((60000, 28 * 28)).astype("float32") / 255
test_images = test_images.reshape((10000, 28 * 28)).astype("float32") / 255
train_labels, test_labels = to_categorical(train_labels), to_categorical(test_labels)

network = keras.Sequential([keras.layers.Dense(512, activation="relu", input_shape=(28 * 28,)),
                            keras.layers.Dense(10, activation="softmax")])
network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
network.fit(train_images, train_labels, epochs=5, batch_size=128)
test_loss, test_acc = network.evaluate(test_images, test_labels)
print("test_acc:", test_acc)
