"""Data sets from folders and series: what is in the batches, in which order, and what fit makes of them."""
import numpy as np
import pytest

from gpunn import Sequential, layers, set_seed, utils
from gpunn.utils import png


@pytest.fixture
def folder(tmp_path):
    """Three classes of gray images of one number each: class 10 * c + i."""
    for c, name in enumerate(("ant", "bee", "cow")):
        (tmp_path / name / "more").mkdir(parents=True)
        for i in range(5):
            at = tmp_path / name / ("more" if i == 4 else "") / f"{i}.png"
            at.write_bytes(png.write(np.full((4, 6, 3), 10 * c + i, np.uint8)))
    (tmp_path / "ant" / "notes.md").write_text("no image")
    return tmp_path


def images(folder, **options):
    return utils.image_dataset_from_directory(folder, **{"image_size": (2, 2), "verbose": False, **options})


def values(dataset):
    """The number of each image, in the order of the batches."""
    return [int(v) for batch in dataset for v in (batch[0] if isinstance(batch, tuple) else batch)[:, 0, 0, 0]]


EVERY = [10 * c + i for c in range(3) for i in range(5)]


def test_images_in_order(folder, capsys):
    dataset = images(folder, shuffle=False, batch_size=4, verbose=True)
    assert "Found 15 files belonging to 3 classes." in capsys.readouterr().out
    x, y = dataset[0]
    assert x.shape == (4, 2, 2, 3) and x.dtype == np.float32 and y.dtype == np.int32 and len(dataset) == 4
    assert values(dataset) == EVERY and dataset.class_names == ["ant", "bee", "cow"]
    assert np.concatenate([y for _, y in dataset]).tolist() == [v // 10 for v in EVERY]
    assert dataset.file_paths[4].endswith("more/4.png")


def test_images_in_another_order_every_epoch(folder):
    dataset, again = images(folder, seed=3), images(folder, seed=3)
    first, second = values(dataset), values(dataset)
    assert sorted(first) == sorted(second) == EVERY and first != second and first != EVERY
    assert [values(again), values(again)] == [first, second]
    assert all(np.array_equal(y, x[:, 0, 0, 0] // 10) for x, y in dataset)


def test_parts_do_not_overlap(folder):
    training = images(folder, validation_split=0.2, subset="training", seed=1)
    validation = images(folder, validation_split=0.2, subset="validation", seed=1)
    assert len(values(validation)) == 3 and sorted(values(training) + values(validation)) == EVERY
    both = images(folder, validation_split=0.2, subset="both", seed=1)
    assert [set(values(d)) for d in both] == [set(values(d)) for d in (training, validation)]
    assert len(both[1].file_paths) == 3


@pytest.mark.parametrize("mode, shape, kind", [("int", (3,), "int32"), ("categorical", (3, 3), "float32"),
                                               (None, None, None)])
def test_labels(folder, mode, shape, kind):
    dataset = images(folder, label_mode=mode, shuffle=False, batch_size=3)
    if mode is None:
        assert dataset[0].shape == (3, 2, 2, 3)
    else:
        assert dataset[0][1].shape == shape and dataset[0][1].dtype == kind


def test_chosen_classes_and_given_labels(folder):
    two = images(folder, class_names=["cow", "ant"], label_mode="binary", shuffle=False, batch_size=None)
    x, y = two[0]
    assert x.shape == (2, 2, 3) and y.shape == (1,) and len(two) == 10
    assert [y[0] for _, y in two] == [0.0] * 5 + [1.0] * 5
    given = images(folder, labels=list(range(15))[::-1], shuffle=False)
    assert given[0][1].tolist() == list(range(15))[::-1] and len(given.class_names) == 15
    assert images(folder, labels=None, color_mode="grayscale", data_format="channels_first")[0].shape == (15, 1, 2, 2)


def test_texts(tmp_path):
    for name, texts in {"bad": ["so dull", "a bore"], "good": ["so good", "a joy to see"]}.items():
        (tmp_path / name).mkdir()
        for i, text in enumerate(texts):
            (tmp_path / name / f"{i}.txt").write_text(text)
    dataset = utils.text_dataset_from_directory(tmp_path, shuffle=False, max_length=7, verbose=False)
    assert dataset[0][0].tolist() == ["so dull", "a bore", "so good", "a joy t"]
    vectorize = layers.TextVectorization(output_sequence_length=3)
    vectorize.adapt(x for x, _ in dataset)
    x, y = dataset.map(lambda x, y: (vectorize(x).numpy(), y))[0]
    assert x.shape == (4, 3) and y.tolist() == [0, 0, 1, 1]


def test_a_model_learns_from_a_folder(folder):
    set_seed(1)
    model = Sequential([layers.Rescaling(1 / 10), layers.Flatten(), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    training, validation = images(folder, validation_split=0.2, subset="both", seed=0, batch_size=4)
    model.optimizer.learning_rate = 0.05
    history = model.fit(training, validation_data=validation, epochs=60, verbose=0).history
    assert history["accuracy"][-1] > 0.9 and len(history["val_loss"]) == 60
    assert model.predict(images(folder, label_mode=None), verbose=0).shape == (15, 3)


def test_series():
    data = np.arange(100)
    dataset = utils.timeseries_dataset_from_array(data, None, 10, sequence_stride=3, sampling_rate=2)
    assert dataset[0][0].tolist() == list(range(0, 20, 2)) and dataset[0][-1].tolist() == list(range(81, 100, 2))
    x, y = utils.timeseries_dataset_from_array(data[:-10], data[10:], 10, batch_size=16)[0]
    assert x.shape == (16, 10) and y.tolist() == list(range(10, 26))
    part = utils.timeseries_dataset_from_array(data, data, 5, start_index=20, end_index=30)
    assert part[0][0][0].tolist() == [20, 21, 22, 23, 24] and part[0][0][-1, -1] == 29 and part[0][1][0] == 20
    shuffled = utils.timeseries_dataset_from_array(data, data, 5, batch_size=7, shuffle=True, seed=4)
    starts = [x[0] for xs, ys in shuffled for x in xs]
    assert sorted(starts) == list(range(96)) and starts != sorted(starts)
    assert all((xs[:, 0] == ys).all() for xs, ys in shuffled)


def test_splits():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    left, right = utils.split_dataset(x, left_size=0.8)
    assert left.tolist() == x[:8].tolist() and right.tolist() == x[8:].tolist()
    (a, b), (c, d) = utils.split_dataset((x, y), right_size=3, shuffle=True, seed=1)
    assert len(b) == 7 and sorted([*b, *d]) == list(range(10)) and (a[:, 0] == 2 * b).all() and (c[:, 0] == 2 * d).all()
    series = utils.timeseries_dataset_from_array(y, y, 1)
    left, right = utils.split_dataset(series, 2, 3)
    assert left[0][1].tolist() == [0, 1] and right[0][1].tolist() == [7, 8, 9]


@pytest.mark.parametrize("make, words", [
    (lambda f: images(f, label_mode="binary"), "'binary' for two classes; got 'binary' for the classes"),
    (lambda f: images(f, label_mode="many"), "label_mode must be one of"),
    (lambda f: images(f, class_names=["dog"]), "class_names must name folders that are there"),
    (lambda f: images(f, labels=[1, 2]), "one label for each of the 15 files, got 2"),
    (lambda f: images(f, validation_split=0.2), "must be given together, got 0.2 and None"),
    (lambda f: images(f, validation_split=0.2, subset="training"), "a seed must say"),
    (lambda f: images(f, validation_split=2.0, subset="training", seed=1), r"validation_split must lie in \(0, 1\)"),
    (lambda f: utils.text_dataset_from_directory(f), "no files that end in .txt found"),
    (lambda f: utils.timeseries_dataset_from_array(np.ones(5), None, 0), "must be 1 or more"),
    (lambda f: utils.timeseries_dataset_from_array(np.ones(5), None, 2, end_index=9), "a part of the 5 steps"),
    (lambda f: utils.split_dataset(np.ones(3), 0.01), "3 samples .* cannot be split at left_size=0.01"),
    (lambda f: utils.split_dataset((np.ones(3), np.ones(2)), 1), "of every array"),
])
def test_says(folder, make, words):
    with pytest.raises(ValueError, match=words):
        make(folder)
