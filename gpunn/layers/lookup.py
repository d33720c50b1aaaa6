"""Words and whole numbers by their place in a vocabulary."""
import re
from collections import Counter
from math import log
from pathlib import Path

import numpy as np

from .. import _objects, ops
from ..backend import asarray
from ..symbol import Symbol
from ..tensor import Tensor
from .encoding import Encoding, fixed

PUNCTUATION = re.compile(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")

MOST_UNKNOWN = 1 << 16          # a config is no reason to fill the memory
KERAS_ONLY = ("dtype", "has_input_vocabulary", "invert", "oov_method", "vocabulary_size")


class _Lookup(Encoding):
    """Values as their places in a vocabulary, which is given or learned by `adapt(data)`; first come the mask (in mode
    "int") and the places of unknown values."""
    modes = (*Encoding.modes, "tf_idf")
    dtype_of_values = str

    def _start_with(self, own: dict):
        super().__init__(name=own["name"], **{k: v for k, v in own["kwargs"].items() if k not in KERAS_ONLY})
        vars(self).update({n: own[n] for n in _objects.option_names(type(self)) if n in own and n != "name"})
        self._encode_as(self.output_mode, own["sparse"])
        self._require("num_oov_indices", 0 <= self.num_oov_indices <= MOST_UNKNOWN, f"0 to {MOST_UNKNOWN}",
                      self.num_oov_indices)
        self._require("salt", own.get("salt") is None, "None: values are not hashed", own.get("salt"))
        self._require("invert", not (self.invert and self.output_mode != "int"), "False unless output_mode is 'int'",
                      self.invert)
        self._learned = own["vocabulary"] is None
        self.vocabulary = self._place = None
        if not self._learned:
            self.set_vocabulary(own["vocabulary"], own["idf_weights"])

    @property
    def _special(self) -> list:
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    depth = property(lambda self: self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size())

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """A list of values, or a text file with one a line; `idf_weights` for each where output_mode is "tf_idf"."""
        if isinstance(vocabulary, str):
            vocabulary = Path(vocabulary).read_text(self.encoding).splitlines()
        words, special = [self.dtype_of_values(v) for v in vocabulary], self._special
        whole = bool(special) and words[:len(special)] == special
        rest = words[len(special):] if whole else words
        self._require("vocabulary", len({*rest, *special}) == len(rest) + len(set(special)),
                      f"values that differ from each other and from {special}", vocabulary)
        self._require("max_tokens", self.max_tokens is None or len(special) + len(rest) <= self.max_tokens,
                      f"{len(special) + len(rest)} at least", self.max_tokens)
        self._require("idf_weights", len(words) == len(idf_weights or ()) or self.output_mode != "tf_idf",
                      "one number for each value of the vocabulary", idf_weights)
        self.vocabulary, self.idf_weights = special + rest, None
        if self.output_mode == "tf_idf":
            front = [] if whole else [float(np.mean(idf_weights))] * len(special)
            self.idf_weights = front + [float(w) for w in idf_weights]
        self._place = {w: len(special) + i for i, w in enumerate(rest)}
        if self.mask_token is not None:
            self._place[self.mask_token] = 0 if self.output_mode == "int" else -1

    def get_vocabulary(self, include_special_tokens=True) -> list:
        known = self.vocabulary or self._special
        return known[0 if include_special_tokens else len(self._special):]

    def vocabulary_size(self) -> int:
        return len(self.get_vocabulary())

    def adapt(self, data, steps=None):
        """Learn the vocabulary: the most frequent first, ties from high to low."""
        self._require("vocabulary", self._learned, "None for adapt()", "one that was given")
        whole = isinstance(data, list | tuple) or hasattr(data, "shape")
        counts, documents, n = Counter(), Counter(), 0
        for _, batch in zip(range(steps) if steps else iter(int, 1), [data] if whole else data, strict=False):
            rows = self.rows(batch)
            n += len(rows)
            for row in rows:
                counts.update(row)
                documents.update(set(row))
        for token in (self.mask_token, self.oov_token):
            counts.pop(token, None)
        known = sorted(counts, key=lambda w: (counts[w], w), reverse=True)
        known = known[:None if self.max_tokens is None else self.max_tokens - len(self._special)]
        self.set_vocabulary(known, [log(1 + n / (1 + documents[w])) for w in known])

    def rows(self, values) -> list:
        """Samples, each as a list of values."""
        values = np.asarray(values, self.dtype_of_values)
        return values.reshape(len(values), -1).tolist() if values.ndim else [[values.item()]]

    def finish(self, ids):
        """Ids as the output mode wants them."""
        if self.output_mode != "tf_idf":
            return self.encoded(ids)
        pad = [0.0] * (self.depth - len(self.idf_weights))
        return self.encoded(ids) * fixed(self.idf_weights + pad, self.compute_dtype)

    @classmethod
    def from_config(cls, config):
        if isinstance(config.get("vocabulary"), str):
            raise ValueError(f"{cls.__name__}: a config must hold its vocabulary, not the name of a file, got "
                             f"{config['vocabulary']!r}")
        return super().from_config(config)


class IntegerLookup(_Lookup):
    """Whole numbers as their places in a vocabulary, also inside a model; or back (`invert`)."""
    dtype_of_values = int

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None,
                 vocabulary_dtype="int64", idf_weights=None, invert=False, output_mode="int", sparse=False,
                 pad_to_max_tokens=False, oov_method="floormod", salt=None, name=None, **kwargs):
        self._start_with(locals())
        self._require("oov_method", oov_method == "floormod", "'floormod'", oov_method)

    def call(self, inputs):
        x = ops.convert_to_tensor(inputs, "int32")
        if self.invert:
            known = self.get_vocabulary()
            inside = ops.logical_and(x >= 0, x < len(known))
            return ops.where(inside, ops.take(fixed(known, "int32"), ops.where(inside, x, 0)), self.oov_token)
        self._require("vocabulary", self._place is not None, "given, or learned by adapt(data)", None)
        keys = sorted(self._place)
        at = ops.sum(ops.cast(ops.greater_equal(ops.expand_dims(x, -1), fixed(keys, "int32")), "int32"), -1)
        at = ops.maximum(at - 1, 0)                 # the largest key that is not above
        found = ops.equal(ops.take(fixed(keys, "int32"), at), x)
        first, unknown = self._special.count(self.mask_token), self.num_oov_indices
        other = first + x % unknown if unknown > 1 else (first if unknown else -1)
        return self.finish(ops.where(found, ops.take(fixed([self._place[k] for k in keys], "int32"), at), other))


class StringLookup(_Lookup):
    """Words as their places in a vocabulary, or back (`invert`). Words live on the host: call it on the data, not
    inside a model."""

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None,
                 idf_weights=None, invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False,
                 encoding="utf-8", name=None, salt=None, **kwargs):
        self._start_with(locals())
        self._require("num_oov_indices", num_oov_indices in (0, 1), "0 or 1: words are not hashed", num_oov_indices)

    def __call__(self, inputs):
        self._require("the input", not isinstance(inputs, Symbol), "words, before they go to a model", inputs)
        if not self.invert:
            return self.finish(self.ids(np.asarray(inputs, str)))
        ids = inputs.numpy() if isinstance(inputs, Tensor) else np.asarray(inputs)
        known = np.array([*self.get_vocabulary(), self.oov_token])
        return known[np.where((ids >= 0) & (ids < len(known)), ids, -1)]

    def ids(self, words):
        """(...) words -> (...) places, int32"""
        self._require("vocabulary", self._place is not None, "given, or learned by adapt(data)", None)
        different, where = np.unique(words, return_inverse=True)
        unknown = self.vocabulary_size() - len(self.get_vocabulary(False)) - 1 if self.num_oov_indices else None
        places = [self._place.get(str(w), unknown) for w in different]
        if None in places:
            raise ValueError(f"{self._who}: {str(different[places.index(None)])!r} is not in the vocabulary. Fix: "
                             "num_oov_indices=1 gives unknown words a place")
        return Tensor(asarray(np.array(places, np.int32)[where].reshape(words.shape)))


class TextVectorization(StringLookup):
    """Texts as rows of the places of their words, filled up with 0 or cut to `output_sequence_length`."""

    def __init__(self, max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
                 output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None,
                 idf_weights=None, sparse=False, ragged=False, encoding="utf-8", name=None, **kwargs):
        known = {"standardize": (None, "lower", "strip_punctuation", "lower_and_strip_punctuation"),
                 "split": (None, "whitespace", "character")}
        self.mask_token, self.oov_token, self.num_oov_indices, self.invert = "", "[UNK]", 1, False
        self._start_with(locals())
        for name, names in known.items():           # further names are those of registered functions
            if getattr(self, name) not in names:
                setattr(self, name, _objects.get("function", getattr(self, name), {}))
        self._require("ragged", not ragged, "False: there are no ragged tensors", ragged)

    def rows(self, values) -> list:
        """Texts (n,) or (n, 1), each as a list of words."""
        texts = np.asarray(values, str)
        texts = texts.reshape(-1) if self.split else texts.reshape(len(texts), -1)
        return [self._words(text) for text in texts.tolist()]

    def _words(self, text) -> list:
        words = self._split(self._standard(text)) if self.split else [self._standard(word) for word in text]
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams or (1,)
        return [" ".join(words[i:i + n]) for n in widths for i in range(len(words) - n + 1)]

    def _standard(self, text: str) -> str:
        if callable(self.standardize):
            return self.standardize(text)
        text = text.lower() if "lower" in (self.standardize or "") else text
        return PUNCTUATION.sub("", text) if "strip" in (self.standardize or "") else text

    def _split(self, text: str) -> list:
        return self.split(text) if callable(self.split) else text.split() if self.split == "whitespace" else list(text)

    def __call__(self, inputs):
        self._require("the input", not isinstance(inputs, Symbol), "texts, before they go to a model", inputs)
        rows = self.rows([inputs] if isinstance(inputs, str) else inputs)
        length = self.output_sequence_length or max(map(len, rows), default=0)
        ids = self.ids(np.array([[*row[:length], *[""] * (length - len(row))] for row in rows], str))
        return self.finish(ids if not isinstance(inputs, str) else ids[0])
