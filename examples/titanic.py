"""Who survives the Titanic, from fare and age alone.

    python examples/titanic.py
"""
import numpy as np

import gpunn
from gpunn import layers
from gpunn.callbacks import EarlyStopping
from gpunn.datasets import titanic

gpunn.set_seed(1)
(x_train, y_train), (x_test, y_test) = titanic.load_data()
scale = layers.Normalization()
scale.adapt(x_train)
model = gpunn.Sequential([layers.Input((2,)), scale, layers.Dense(16, activation="relu"),
                          layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy", "auc"])
model.summary()
history = model.fit(x_train, y_train, validation_split=0.2, epochs=200, verbose=0,
                    callbacks=[EarlyStopping(patience=20, restore_best_weights=True)])
print(f"stopped after {len(history.epoch)} epochs")
loss, accuracy, auc = model.evaluate(x_test, y_test, verbose=0)

guess = 1 - y_test.mean()
print(f"test accuracy {accuracy:.3f}, AUC {auc:.3f}; always 'no' would be right for {guess:.3f}")
people = np.array([[10, 30], [10, 2], [100, 30], [250, 50]], "float32")
for (fare, age), (p,) in zip(people, model.predict(people, verbose=0)):
    print(f"fare {fare:5.0f}, age {age:3.0f}: survives with {p:.0%}")
assert accuracy > guess and auc > 0.6
