"""The command line: `gpunn train mnist`, `gpunn doctor`, `gpunn warmup`."""
import argparse
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

EPOCHS = {"mlp": 8, "cnn": 5}
EPOCHS_OF_TITANIC = 120


@dataclass
class Data:
    name: str
    train: tuple                    # (x, y), float32 and labels
    test: tuple
    classes: int


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (RuntimeError, ValueError) as error:         # what cannot be done says itself what to do
        print(f"gpunn: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("gpunn", description="Neural-network training on NVIDIA GPUs and CPUs.")
    commands = top.add_subparsers(required=True, metavar="command")
    train = commands.add_parser("train", help="train a model on real data and keep its curves and weights")
    train.set_defaults(run=run_training)
    train.add_argument("data", choices=sorted(LOADERS))
    train.add_argument("--model", choices=sorted(EPOCHS), default="mlp")
    train.add_argument("--epochs", type=positive, help="passes over the data")
    train.add_argument("--batch-size", type=positive, default=128)
    train.add_argument("--device", help="auto, cpu, cuda or cuda:1 (default: GPUNN_DEVICE, else auto)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--out", type=Path, help="folder of the results (default: runs/<data>-<model>-<time>)")
    doctor = commands.add_parser("doctor", help="show what gpunn finds on this machine and how to repair it")
    doctor.set_defaults(run=lambda options: import_module("gpunn.doctor").main(options.require))
    doctor.add_argument("--require", choices=["cuda"], help="exit with 1 when it cannot be used")
    warmup = commands.add_parser("warmup", help="compile the CPU kernels of usual models, on all cores, and keep them")
    warmup.set_defaults(run=lambda options: import_module("gpunn.warmup").main())
    return top


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def run_training(options) -> int:
    import gpunn
    if options.device:
        gpunn.use(options.device)
    gpunn.set_seed(options.seed)
    print(f"device: {gpunn.device()}")
    data = LOADERS[options.data]()
    print(f"data: {data.name}: {len(data.train[0])} samples to train on, {len(data.test[0])} held out")
    model = build(data, options.model)
    model.summary()
    epochs = options.epochs or (EPOCHS_OF_TITANIC if data.classes == 1 else EPOCHS[options.model])
    began = time.perf_counter()
    history = model.fit(*data.train, epochs=epochs, batch_size=options.batch_size, validation_data=data.test)
    seconds = time.perf_counter() - began
    _, accuracy = model.evaluate(*data.test, batch_size=1000, verbose=0)
    print(f"held-out accuracy: {accuracy:.4f} after {epochs} epochs in {seconds:.1f} s")
    keep(model, history.history, out_folder(options), f"{data.name}, {options.model}, {gpunn.device()}")
    return 0


def build(data: Data, kind: str):
    """A dense or a convolutional network that fits the data; one output for two classes."""
    from gpunn import Sequential, layers
    shape = data.train[0].shape[1:]
    if kind == "cnn" and len(shape) < 2:
        raise SystemExit(f"gpunn train: --model cnn needs images; {data.name} has rows of numbers, use mlp")
    body = convolutional(shape, layers) if kind == "cnn" else dense(shape, layers)
    last = layers.Dense(data.classes, activation="softmax" if data.classes > 1 else "sigmoid")
    model = Sequential([*body, last])
    loss = "sparse_categorical_crossentropy" if data.classes > 1 else "binary_crossentropy"
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def dense(shape, layers) -> list:
    units = 256 if len(shape) > 1 else 32
    start = [layers.Input(shape), *([layers.Flatten()] if len(shape) > 1 else [])]
    return [*start, layers.Dense(units, activation="relu"), layers.Dense(units // 2, activation="relu")]


def convolutional(shape, layers) -> list:
    """Images as (h, w, 1)."""
    return [layers.Input(shape), layers.Reshape((*shape, 1)), layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2), layers.Conv2D(64, 3, activation="relu"), layers.Flatten(),
            layers.Dense(128, activation="relu")]


def out_folder(options) -> Path:
    folder = options.out or Path("runs") / f"{options.data}-{options.model}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(model, history: dict, folder: Path, title: str) -> None:
    from .viz import save_curves, write_csv
    save_curves(history, folder / "curves.svg", title)
    write_csv(history, folder / "history.csv")
    model.save_weights(str(folder / "model.weights.safetensors"))
    print(f"results: {folder}/curves.svg, history.csv, model.weights.safetensors")


# --- the data sets, ready to be learnt

def images(name: str, data, white: float = 255) -> Data:
    train, test = ((x * np.float32(1 / white), y.astype(np.int32)) for x, y in data)
    return Data(name, train, test, 10)


def load_mnist() -> Data:
    from .datasets import mnist, mnist_5k
    if found := mnist.find_data():
        return images("MNIST", found)
    print("data: the full MNIST is not on this machine (set GPUNN_DATA to its folder); "
          "the 5,000 built-in images are used")
    return images("mnist_5k", mnist_5k.load_data())


def load_fashion_mnist() -> Data:
    from .datasets import fashion_mnist
    try:
        return images("Fashion-MNIST", fashion_mnist.load_data())
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None


def load_digits() -> Data:
    from .datasets import digits
    return images("digits", digits.load_data(), 16)


def load_titanic() -> Data:
    """Fare and age with mean 0 and deviation 1, as the training part has them."""
    from .datasets import titanic
    train, test = titanic.load_data()
    mean, deviation = train[0].mean(axis=0), train[0].std(axis=0)
    train, test = (((x - mean) / deviation, y.astype(np.float32)[:, None]) for x, y in (train, test))
    return Data("Titanic (fare, age -> survived)", train, test, 1)


LOADERS = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist, "digits": load_digits, "titanic": load_titanic}
