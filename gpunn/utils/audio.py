"""Sound in .wav files, read by the standard library."""
import io
import wave

import numpy as np

from .dataset import _found, _labelled, of_file


def decode_wav(raw: bytes) -> tuple[np.ndarray, int]:
    """A file's bytes -> ((samples, channels) float32 from -1 to 1, samples a second)"""
    try:
        with wave.open(io.BytesIO(raw)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            octets = np.frombuffer(file.readframes(len(raw)), np.uint8)
    except (wave.Error, EOFError, RuntimeError) as error:
        raise ValueError(f"this is no .wav file of whole numbers (PCM), or it is broken: {error!r}") from None
    if width > 4 or not rate:
        raise ValueError(f"this .wav file is broken: {8 * width} bits a sample, {rate} samples a second")
    octets = octets[:len(octets) // (width * channels) * width * channels].reshape(-1, channels, width)
    numbers = np.zeros((*octets.shape[:2], 4), np.uint8)
    numbers[..., 4 - width:] = octets ^ 128 if width == 1 else octets           # 8 bits have no sign
    return (numbers.view("<i4")[..., 0] / 2.0 ** 31).astype(np.float32), rate


def audio_dataset_from_directory(directory, labels="inferred", label_mode="int", class_names=None, batch_size=32,
                                 sampling_rate=None, output_sequence_length=None, ragged=False, shuffle=True, seed=None,
                                 validation_split=None, subset=None, follow_links=False, verbose=True):
    """Batches of sounds (n, samples, channels), float32 from -1 to 1, from .wav files, one folder for each class:
    brought to `sampling_rate` by straight lines, cut or filled with zeros to one length (of the longest in a batch)."""
    if ragged:
        raise ValueError("audio_dataset_from_directory: ragged=True has no arrays here. Fix: output_sequence_length")

    def load(path):
        sound, rate = of_file(path, decode_wav)
        if sampling_rate in (None, rate):
            return sound
        at = np.arange(len(sound) * sampling_rate // rate) * (rate / sampling_rate)
        return np.stack([np.interp(at, np.arange(len(sound)), channel) for channel in sound.T], -1)

    def make(paths):
        sounds = [load(path) for path in paths]
        if len({sound.shape[1] for sound in sounds}) > 1:
            raise ValueError(f"{directory}: files of {sorted({s.shape[1] for s in sounds})} channels do not fit into "
                             "one batch")
        batch = np.zeros((len(sounds), output_sequence_length or max(map(len, sounds)), sounds[0].shape[1]), np.float32)
        for row, sound in zip(batch, sounds, strict=True):
            row[:len(sound)] = sound[:len(row)]
        return batch
    files = _found(directory, labels, (".wav",), class_names, follow_links, verbose)
    return _labelled(make, *files, label_mode, batch_size, shuffle, seed, validation_split, subset)
