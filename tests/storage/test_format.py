"""The container: round trips, the safetensors package as second reader and writer, hostile files, kills."""
import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from gpunn.storage.format import DTYPES, FormatError, load, save

ARRAYS = {
    "scalar": np.array(3.5, np.float32), "empty": np.zeros((0, 3), np.int64),
    "truth": np.array([True, False]),
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3), "bytes": np.arange(7, dtype=np.uint8),
    "half": np.array([1.5, -2], np.float16), "empty too": np.zeros(0, np.float16), "größe": np.array([1e300]),
}


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def blob(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def test_round_trip_keeps_bits_shapes_order_and_text(tmp_path):
    save(tmp_path / "a", ARRAYS, {"config": '{"units": 3}', "ü": "\n\"'"})
    arrays, metadata = load(tmp_path / "a")
    assert list(arrays) == list(ARRAYS)
    assert all(same(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert metadata == {"config": '{"units": 3}', "ü": "\n\"'"}
    assert all(array.flags.writeable and array.flags.c_contiguous for array in arrays.values())


def test_foreign_byte_order_and_strides_are_normalised(tmp_path):
    big = np.arange(6, dtype=">i4").reshape(2, 3)
    save(tmp_path / "a", {"big": big, "turned": ARRAYS["matrix"].T, "every other": np.arange(9.0)[::2]})
    arrays, _ = load(tmp_path / "a")
    assert arrays["big"].dtype == np.dtype("<i4") and arrays["big"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert arrays["every other"].tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("dtype", DTYPES.values())
def test_every_dtype_in_both_directions_with_the_safetensors_package(tmp_path, dtype):
    ours = {"x": np.arange(6).astype(dtype).reshape(3, 2), "odd": np.ones(3, bool), "no": np.ones(0, dtype)}
    save(tmp_path / "a", ours, {"k": "v"})
    theirs = safetensors.numpy.load_file(tmp_path / "a")
    assert theirs.keys() == ours.keys() and all(same(theirs[name], ours[name]) for name in ours)
    safetensors.numpy.save_file(ours, tmp_path / "b", {"k": "v"})
    back, metadata = load(tmp_path / "b")
    assert metadata == {"k": "v"} and all(same(back[name], ours[name]) for name in ours)


def test_no_arrays_at_all(tmp_path):
    save(tmp_path / "a", {})
    assert load(tmp_path / "a") == ({}, {})


def test_blocks_lie_on_their_alignment(tmp_path):
    save(tmp_path / "a", {"b": np.zeros(3, np.uint8), "d": np.zeros(2), "f": np.zeros(3, np.float32)})
    raw = (tmp_path / "a").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + length])
    assert list(header.pop("__metadata__")) == ["gpunn.sha256"]
    for entry in header.values():
        assert (8 + length + entry["data_offsets"][0]) % np.dtype(DTYPES[entry["dtype"]]).itemsize == 0


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: name != "__metadata__"), st.tuples(st.sampled_from(list(DTYPES.values())),
                                                    st.lists(st.integers(0, 3), max_size=4)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_names_and_shapes(recipe):
    arrays = {name: np.ones(shape, dtype) for name, (dtype, shape) in recipe.items()}
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "a", arrays)
        back, _ = load(Path(folder) / "a")
    assert list(back) == list(arrays) and all(same(back[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("arrays, metadata, match", [
    ({"x": np.array(["text"])}, {}, "'x': cannot store <U4"),
    ({"x": np.array([object()])}, {}, "'x': cannot store object"),
    ({"x": np.zeros(2, complex)}, {}, "'x': cannot store complex128"),
    ({"__metadata__": np.zeros(2)}, {}, "'__metadata__'"),
    ({3: np.zeros(2)}, {}, "array name 3: expected a str"),
    ({}, {"epoch": 3}, "metadata 'epoch': expected str to str, got int"),
    ({}, {"config": "x" * (17 << 20)}, "the limits are"),
])
def test_what_cannot_be_stored_is_said_before_a_file_appears(tmp_path, arrays, metadata, match):
    with pytest.raises(ValueError, match=match):
        save(tmp_path / "a", arrays, metadata)
    assert not any(tmp_path.iterdir())


X = blob({"x": tensor()}, bytes(8))
HOSTILE = {
    "nothing": b"",
    "seven bytes": bytes(7),
    "no header": bytes(8),
    "header longer than the file": blob({"x": tensor()}, bytes(8), 10**6),
    "header of 2**64 - 1": blob({}, b"", 2**64 - 1),
    "header of 17 MiB": blob(b"{" + b" " * (17 << 20) + b"}"),
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00" + bytes(99),
    "a zip": b"PK\x03\x04" + bytes(99),
    "not UTF-8": blob(b'{"\xff": 1}'),
    "not an object": blob(b"[]"),
    "a number": blob(b"12"),
    "NaN": blob(b'{"x": NaN}'),
    "Infinity as an offset": blob(b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,Infinity]}}', bytes(8)),
    "NaN as a size": blob(b'{"x":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', bytes(8)),
    "a fraction": blob(b'{"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', bytes(8)),
    "an exponent": blob(b'{"x":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', bytes(8)),
    "a leading zero": blob(b'{"x":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}', bytes(8)),
    "true as a size": blob(b'{"x":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}}', bytes(1)),
    "a million digits": blob(b'{"x":{"dtype":"F32","shape":[' + b"9" * 10**6 + b'],"data_offsets":[0,8]}}'),
    "a duplicate name": blob(b'{"x":' + json.dumps(tensor()).encode() + b',"x":'
                                    + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "a duplicate name, escaped": blob(b'{"x":' + json.dumps(tensor()).encode() + b',"\\u0078":'
                                             + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "a duplicate field": blob(b'{"x":{"shape":[2],"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', bytes(2)),
    "two metadata": blob(b'{"__metadata__":{},"__metadata__":{}}'),
    "duplicate metadata key": blob(b'{"__metadata__":{"a":"1","a":"2"}}'),
    "metadata of numbers": blob({"__metadata__": {"a": 1}}),
    "metadata of lists": blob({"__metadata__": {"a": ["b"]}}),
    "metadata is text": blob({"__metadata__": "text"}),
    "deep lists": blob(b'{"x":' + b"[" * 10**6),
    "deep objects": blob(b'{"x":' * 10**6),
    "deep metadata": blob(b'{"__metadata__":' + b'{"a":' * 10**6),
    "many empty lists": blob(b'{"x":[' + b"[]," * 10**6 + b"[]]}"),
    "a huge shape list": blob({"x": tensor(shape=[1] * 10**6)}, bytes(8)),
    "a missing field": blob({"x": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "an extra field": blob({"x": tensor(path="/etc/passwd")}, bytes(8)),
    "unknown dtype": blob({"x": tensor("O")}, bytes(8)),
    "NumPy's object dtype": blob({"x": tensor("|O", (1,))}, bytes(8)),
    "bfloat16": blob({"x": tensor("BF16", (4,))}, bytes(8)),
    "dtype is a number": blob({"x": tensor(4)}, bytes(8)),
    "shape is text": blob(b'{"x":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}', bytes(8)),
    "three offsets": blob({"x": tensor(offsets=(0, 8, 8))}, bytes(8)),
    "no offsets": blob({"x": tensor(offsets=())}, bytes(8)),
    "a negative size": blob({"x": tensor(shape=(-2,))}, bytes(8)),
    "two negative sizes": blob({"x": tensor(shape=(-1, -2))}, bytes(8)),
    "a negative offset": blob({"x": tensor(offsets=(-8, 0))}, bytes(8)),
    "offsets backwards": blob({"x": tensor(offsets=(8, 0))}, bytes(8)),
    "shape bomb": blob({"x": tensor(shape=(10**15,), offsets=(0, 4 * 10**15))}, bytes(8)),
    "shape that wraps 64 bits to 8 bytes": blob({"x": tensor(shape=(2**31, 2**31, 2**2, 2))}, bytes(8)),
    "zero-size with a huge side": blob({"x": tensor(shape=(0, 10**17, 10**17), offsets=(0, 0))}),
    "shape smaller than its block": blob({"x": tensor(shape=(1,))}, bytes(8)),
    "shape larger than its block": blob({"x": tensor(shape=(3,))}, bytes(8)),
    "overlap": blob({"x": tensor(), "y": tensor(offsets=(4, 12))}, bytes(12)),
    "the same block twice": blob({"x": tensor(), "y": tensor()}, bytes(8)),
    "a hole": blob({"x": tensor(), "y": tensor(offsets=(12, 20))}, bytes(20)),
    "a hole at the start": blob({"x": tensor(offsets=(4, 12))}, bytes(12)),
    "an empty tensor within a block": blob({"x": tensor(), "y": tensor("F32", (0,), (4, 4))}, bytes(8)),
    "an empty tensor past the end": blob({"x": tensor(), "y": tensor("F32", (0,), (64, 64))}, bytes(8)),
    "a tail": X + b"!",
    "cut off": X[:-1],
    "a block beyond the file": blob({"x": tensor()}, b""),
    "text after the header": blob(json.dumps({"x": tensor()}).encode() + b"{}", bytes(8)),
    "a zero byte after the header": blob(json.dumps({"x": tensor()}).encode() + b"\0", bytes(8)),
    "a trailing comma": blob(b'{"x":' + json.dumps(tensor()).encode() + b",}", bytes(8)),
    "no comma": blob(b'{"__metadata__":{}"x":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "a comment": blob(b'{/**/"x":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "a line end in a name": blob(b'{"x\n":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "half a surrogate pair": blob(b'{"\\ud800":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "a broken escape": blob(b'{"\\x":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
    "an unclosed name": blob(b'{"' + b"x" * 10**6),
    "truth values of 2": blob({"x": tensor("BOOL", (2,), (0, 2))}, b"\x01\x02"),
    "a byte-order mark": blob(b"\xef\xbb\xbf{}"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_within_little_memory(tmp_path, name):
    (tmp_path / "a").write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            load(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name, match", [
    ("a pickle", "is this a gpunn or safetensors file"),
    ("a duplicate name", "'x' occurs twice"),
    ("cut off", "the blocks end at byte 8 of 7: the file is cut off or has a tail"),
    ("overlap", "a block starts at byte 4, expected 8"),
    ("shape larger than its block", r"'x': shape \[3\] of F32 does not fill bytes 0 to 8"),
    ("bfloat16", "'x': dtype 'BF16' is not one of BOOL"),
    ("an extra field", "'x': needs dtype, shape, data_offsets; got .*'path'"),
    ("a missing field", "'x': needs dtype, shape, data_offsets"),
    ("NaN", "NaN is not a number"),
    ("a fraction", "needs whole numbers below 2"),
    ("truth values of 2", "neither 0 nor 1"),
    ("text after the header", "Extra data: line 1 column 62"),
    ("half a surrogate pair", "surrogates not allowed"),
])
def test_refusals_say_why(tmp_path, name, match):
    (tmp_path / "a").write_bytes(HOSTILE[name])
    with pytest.raises(FormatError, match=match):
        load(tmp_path / "a")


def test_more_tensors_than_the_limit(tmp_path):
    entries = b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(100_001))
    (tmp_path / "a").write_bytes(blob(b"{" + entries + b"}"))
    with pytest.raises(FormatError, match="more than 100000 tensors"):
        load(tmp_path / "a")


def test_links_folders_and_pipes_are_not_files(tmp_path):
    save(tmp_path / "a", ARRAYS)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="symbolic link"):
        load(tmp_path / "link")
    for name in ("pipe", "."):
        with pytest.raises(FormatError, match="not a regular file"):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


def test_bit_flips_are_noticed_anywhere(tmp_path):
    path = tmp_path / "a"
    save(path, ARRAYS, {"k": "v"})
    raw, dice = path.read_bytes(), random.Random(0)
    unseen = 0
    for _ in range(3000):
        broken = bytearray(raw)
        for _ in range(dice.choice([1, 1, 2, 5])):
            broken[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        path.write_bytes(broken)
        try:
            arrays, _ = load(path)
        except FormatError:
            continue
        unseen += b"gpunn.sha256" not in broken                                     # without it, nothing is known
        assert b"gpunn.sha256" not in broken or all(same(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert unseen < 100


def test_changed_numbers_are_told_and_files_without_a_digest_load(tmp_path):
    path = tmp_path / "a"
    save(path, ARRAYS, {"k": "v"})
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(FormatError, match="a': its bits have changed since it was written.* Fix: another copy"):
        load(path)
    path.write_bytes(raw.replace(b"gpunn.sha256", b"other.sha256"))
    assert set(load(path)[1]) == {"k", "other.sha256"}
    safetensors.numpy.save_file({"x": np.ones(2)}, path)
    assert load(path)[1] == {}
    again = safetensors.numpy.load(raw)                                 # another order says the same
    metadata = json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])["__metadata__"]
    safetensors.numpy.save_file(dict(reversed(again.items())), tmp_path / "b", metadata)
    assert load(tmp_path / "b")[1] == {"k": "v"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    save(tmp_path / "a", {"x": np.zeros(3)})
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "a", {"x": np.ones(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert load(tmp_path / "a")[0]["x"].tolist() == [0, 0, 0]


def test_the_file_and_its_folder_reach_the_disk_before_and_after_the_rename(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (calls.append("fsync"), fsync(d))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), replace(a, b))[1])
    save(tmp_path / "a", ARRAYS)
    assert calls == ["fsync", "rename", "fsync"]


def test_drafts_of_killed_writers_are_swept_and_those_of_living_ones_stay(tmp_path):
    old, young, held, other = (tmp_path / f".{name}.tmp" for name in ("a." + "0" * 12, "a." + "1" * 12, "a." + "2" * 12,
                                                                        "b." + "0" * 12))
    for draft in (old, young, held, other):
        draft.write_bytes(b"half")
        os.utime(draft, (time.time() - 60,) * 2)
    os.utime(young)
    os.mkfifo(tmp_path / f".a.{'3' * 12}.tmp")
    with open(held, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        save(tmp_path / "a", ARRAYS)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [young.name, held.name, other.name, "a", f".a.{'3' * 12}.tmp"])


KILLED = """
import itertools, sys
import numpy as np
from gpunn.storage.format import save
for i in itertools.count():
    save(sys.argv[1], {"x": np.full(200_000, i, np.int32)}, {"i": str(i)})
    if i == 0:
        print("saved", flush=True)
"""


def test_a_kill_leaves_the_old_or_the_new_file_never_a_torn_one(tmp_path):
    dice = random.Random(1)
    for _ in range(8):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a")], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"saved\n"
        time.sleep(dice.random() * 0.05)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        arrays, metadata = load(tmp_path / "a")
        assert (arrays["x"] == int(metadata["i"])).all() and arrays["x"].shape == (200_000,)
