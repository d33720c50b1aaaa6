"""The container: named arrays and a little text in one file, a valid safetensors file.

8 bytes of header length (little-endian), a JSON header, raw little-endian blocks. Nothing in it can run,
nothing names a path, every claim is checked against the size of the file before memory is taken, and a digest
of all names and numbers among the metadata says whether a bit has changed; files of others have none.
"""
import hashlib
import json
import os
import stat
import struct
from math import prod

import numpy as np

from .atomic import replacing
from .text import FormatError, read_json

MAX_HEADER, MAX_TENSORS, MAX_METADATA, MAX_RANK = 16 << 20, 100_000, 10_000, 32
FIELDS = "dtype", "shape", "data_offsets"
DIGEST = "gpunn.sha256"                         # its place among the metadata
DTYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
          "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
FOREIGN = {b"PK": "a zip archive, as Keras' .keras files are", b"\x89HDF": "an HDF5 file, as Keras' .h5 files are",
           b"\x80": "a pickle, which would run code"}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}


def save(path, arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write the file; it is whole and durable when it appears, and the old one stays until then."""
    arrays = {name: _plain(name, array) for name, array in arrays.items()}
    layout = sorted(arrays, key=lambda name: -arrays[name].itemsize)        # keeps every block aligned
    header = _header(arrays, layout, {**(metadata or {}), DIGEST: digest(arrays, metadata or {})})
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name in layout:
            file.write(arrays[name].reshape(-1).view(np.uint8).data)


def load(path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """`(arrays, metadata)`; raises FormatError for whatever is not exactly such a file."""
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        entries, metadata, start = _read_header(file, size)
        arrays = {}
        for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
            arrays[name] = _read_block(file, name, entry)
    found = metadata.pop(DIGEST, None)
    if found is not None and found != digest(arrays, metadata):
        raise FormatError(f"{ascii(os.fspath(path))}: its bits have changed since it was written, the digest does not "
                          "fit. Fix: another copy of the file")
    return {name: arrays[name] for name in entries}, metadata


def digest(arrays: dict, metadata: dict) -> str:
    """SHA-256 of all that is said, whatever the order in the file."""
    total = hashlib.sha256(json.dumps(sorted(map(list, metadata.items()), key=str)).encode())
    for name in sorted(arrays):
        total.update(json.dumps([name, CODES[arrays[name].dtype], arrays[name].shape]).encode())
        total.update(arrays[name].reshape(-1).view(np.uint8))
    return total.hexdigest()


def _plain(name, array) -> np.ndarray:
    """Little-endian and contiguous, 0-d stays 0-d."""
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"array name {name!r}: expected a str other than '__metadata__'")
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in CODES or array.ndim > MAX_RANK:
        raise ValueError(f"array {name!r}: cannot store {array.dtype} of rank {array.ndim}; expected one of "
                         f"{', '.join(map(str, CODES))} and rank <= {MAX_RANK}")
    return np.asarray(array, dtype=dtype, order="C")


def _header(arrays, layout, metadata) -> bytes:
    offsets, end = {}, 0
    for name in layout:
        offsets[name] = [end, end := end + arrays[name].nbytes]
    header = {"__metadata__": metadata}
    for name, array in arrays.items():
        header[name] = {"dtype": CODES[array.dtype], "shape": array.shape, "data_offsets": offsets[name]}
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ValueError(f"metadata {key!r}: expected str to str, got {type(value).__name__}")
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER or len(arrays) > MAX_TENSORS or len(metadata) > MAX_METADATA:
        raise ValueError(f"a header of {len(text)} bytes, {len(arrays)} arrays and {len(metadata)} metadata "
                         f"entries: the limits are {MAX_HEADER}, {MAX_TENSORS} and {MAX_METADATA}")
    return text


def _open(path):
    """Only a regular file: no link that leads elsewhere, no pipe that blocks, no device."""
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, flag, 0)
    if os.path.islink(path):
        raise FormatError(f"{ascii(os.fspath(path))} is a symbolic link; name the file itself")
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FormatError(f"{ascii(os.fspath(path))} is not a regular file")
    return open(descriptor, "rb", buffering=0)


def _read_header(file, size: int):
    """-> (entries, metadata, where the blocks start), all claims checked."""
    if size < 8:
        raise FormatError(f"a file of {size} bytes is too short to hold a header")
    (length,) = struct.unpack("<Q", first := _read(file, bytearray(8)))
    if length > min(MAX_HEADER, size - 8):
        seems = next((f", but {what}" for start, what in FOREIGN.items() if first.startswith(start)), "")
        raise FormatError(f"header length {length}: the file has {size} bytes, the limit is {MAX_HEADER}; "
                          f"is this a gpunn or safetensors file? It seems not{seems}")
    try:
        text = _read(file, bytearray(length)).decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError("header: not UTF-8 text; is this a gpunn or safetensors file?") from None
    entries = read_json(text, "the header")
    metadata = entries.pop("__metadata__", {}) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FormatError("the header: expected an object of tensors, and of texts as its __metadata__")
    if len(entries) > MAX_TENSORS or len(metadata) > MAX_METADATA:
        raise FormatError(f"the header: more than {MAX_TENSORS} tensors or {MAX_METADATA} entries of metadata")
    _check(entries, size - 8 - length)
    return entries, metadata, 8 + length


def _are_numbers(values, most: int) -> bool:
    return isinstance(values, list) and len(values) <= most and all(type(n) is int and 0 <= n < 1 << 60 for n in values)


def _check(entries: dict, total: int) -> None:
    """Every block has its dtype's and shape's size; together they fill the file, no hole and no overlap."""
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.keys() != set(FIELDS):
            raise FormatError(f"tensor {ascii(name)[:60]}: needs {', '.join(FIELDS)}; got {ascii(list(entry))[:120]}")
        if str(entry["dtype"]) not in DTYPES:
            raise FormatError(f"tensor {ascii(name)[:60]}: dtype {ascii(entry['dtype'])[:20]} is not one of "
                              f"{', '.join(DTYPES)}")
        if not (_are_numbers(entry["shape"], MAX_RANK) and _are_numbers(entry["data_offsets"], 2)
                and len(entry["data_offsets"]) == 2):
            raise FormatError(f"tensor {ascii(name)[:60]}: needs whole numbers below 2**60, as shape at most "
                              f"{MAX_RANK} and as data_offsets 2")
        itemsize, (begin, end) = np.dtype(DTYPES[entry["dtype"]]).itemsize, entry["data_offsets"]
        if prod(entry["shape"]) * itemsize != end - begin or prod(n or 1 for n in entry["shape"]) >= 1 << 58:
            raise FormatError(f"tensor {ascii(name)[:60]}: shape {entry['shape']} of {entry['dtype']} "
                              f"does not fill bytes {begin} to {end}")
    at = 0
    for begin, end in sorted(entry["data_offsets"] for entry in entries.values()):
        if begin != at:
            raise FormatError(f"a block starts at byte {begin}, expected {at}: blocks may not overlap or leave holes")
        at = end
    if at != total:
        raise FormatError(f"the blocks end at byte {at} of {total}: the file is cut off or has a tail")


def _read_block(file, name: str, entry: dict) -> np.ndarray:
    array = np.empty(entry["shape"], DTYPES[entry["dtype"]])
    octets = array.reshape(-1).view(np.uint8)
    _read(file, octets.data)
    if entry["dtype"] == "BOOL" and octets.max(initial=0) > 1:
        raise FormatError(f"tensor {ascii(name)[:60]}: a truth value is neither 0 nor 1")
    return array


def _read(file, buffer):
    """Fill the buffer; one read may bring less than was asked."""
    view, at = memoryview(buffer), 0
    while at < len(view):
        got = file.readinto(view[at:])
        if not got:
            raise FormatError("the file ended early: it changed while it was read")
        at += got
    return buffer
