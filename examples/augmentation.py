"""Augmentation: from 300 images, turned, moved and zoomed anew in every step, a network learns more.

    python examples/augmentation.py
"""
import gpunn
from gpunn import layers
from gpunn.datasets import mnist_5k

FEW, EPOCHS = 300, 40
(x, y), test = mnist_5k.load_data()
augmentation = [layers.RandomRotation(0.04, fill_mode="constant"),
                layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
                layers.RandomZoom(0.1, fill_mode="constant")]


def trained(augmentation):
    """-> (accuracy on the images it was trained with, on others)"""
    gpunn.set_seed(1)
    model = gpunn.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), *augmentation,
                              layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
                              layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
                              layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:FEW], y[:FEW], batch_size=32, epochs=EPOCHS, verbose=0)
    return model.evaluate(x[:FEW], y[:FEW], verbose=0)[1], model.evaluate(*test, verbose=0)[1]


scores = {"as they are": trained([]), "augmented": trained(augmentation)}
for name, (seen, unseen) in scores.items():
    print(f"{name:12s} accuracy on the {FEW} training images {seen:.3f}, on others {unseen:.3f}")
assert scores["augmented"][1] > scores["as they are"][1]
