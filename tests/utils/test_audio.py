"""Sounds from .wav files: numbers, lengths, rates, and files that are no sounds."""
import wave

import numpy as np
import pytest

from gpunn import Sequential, layers, set_seed, utils
from gpunn.utils.audio import decode_wav


def write(path, sound, width=2, rate=8000):
    """(samples, channels) from -1 to 1 as a file of so many bytes a number"""
    numbers = np.round(sound * (2.0 ** (8 * width - 1) - 1)).astype("<i4") + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(numbers[..., None].view(np.uint8)[..., :width]).tobytes())


def tone(pitch, samples=400, rate=8000):
    return np.sin(2 * np.pi * pitch * np.arange(samples) / rate)[:, None]


@pytest.fixture
def folder(tmp_path):
    for name, pitch in (("high", 1500), ("low", 300)):
        (tmp_path / name).mkdir()
        for i in range(8):
            write(tmp_path / name / f"{i}.wav", 0.5 * tone(pitch + 10 * i, 400 + i))
    return tmp_path


def sounds(folder, **options):
    return utils.audio_dataset_from_directory(folder, **{"verbose": False, **options})


@pytest.mark.parametrize("width, error", [(1, 2**-6), (2, 2**-14), (3, 2**-22), (4, 2**-22)])
def test_numbers_of_every_width(tmp_path, width, error):
    sound = np.stack([tone(500)[:, 0], np.linspace(-1, 1, 400)], -1)
    write(tmp_path / "a.wav", sound, width, 16000)
    found, rate = decode_wav((tmp_path / "a.wav").read_bytes())
    assert rate == 16000 and found.dtype == np.float32 and np.abs(found - sound).max() <= error


def test_lengths_labels_and_rates(folder):
    x, y = sounds(folder, shuffle=False)[0]
    assert x.shape == (16, 407, 1) and y.tolist() == [0] * 8 + [1] * 8 and not x[0, 400:].any()
    assert sounds(folder, output_sequence_length=100)[0][0].shape == (16, 100, 1)
    slow = sounds(folder, sampling_rate=4000, labels=None, shuffle=False, label_mode=None)[0]
    np.testing.assert_allclose(slow[0, :200], x[0, :400:2], atol=1e-6)
    with pytest.raises(ValueError, match="ragged=True .* Fix: output_sequence_length"):
        sounds(folder, ragged=True)


def test_b10_a_model_hears_the_difference(folder):
    set_seed(0)
    model = Sequential([layers.Conv1D(8, 9, strides=2, activation="relu"), layers.GlobalMaxPooling1D(),
                        layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.02
    training, held_out = sounds(folder, validation_split=0.25, subset="both", seed=1, output_sequence_length=400,
                                label_mode="binary")
    model.fit(training, epochs=40, verbose=0)
    assert model.evaluate(held_out, verbose=0)[1] == 1.0


@pytest.mark.parametrize("change", [lambda raw: b"", lambda raw: raw[:20], lambda raw: b"RIFF" + raw[:80],
                                    lambda raw: raw[:20] + b"\3" + raw[21:],                # fractions, not PCM
                                    lambda raw: raw[:22] + b"\0\0" + raw[24:],              # no channels
                                    lambda raw: raw[:24] + bytes(4) + raw[28:]])            # no rate
def test_what_is_no_sound_is_named(folder, change):
    path = folder / "low" / "3.wav"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=r"3\.wav: this .*\.wav file"):
        sounds(folder)[0]


def test_lengths_that_lie_take_no_memory(folder):
    path = folder / "low" / "3.wav"
    raw = path.read_bytes()
    path.write_bytes(raw[:40] + b"\xf0\xff\xff\xff" + raw[44:])
    assert len(decode_wav(path.read_bytes())[0]) == 403
