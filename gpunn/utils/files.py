"""Files from elsewhere: fetched over https, verified, unpacked without leaving their folder."""
import hashlib
import os
import secrets
import shutil
import stat
import tarfile
import urllib.parse
import warnings
import zipfile
from pathlib import Path

from .._names import one_of
from ..callbacks.messages import say
from ..storage.atomic import replacing
from ..storage.download import fetch_into


def get_file(fname=None, origin=None, untar=False, md5_hash=None, file_hash=None, cache_subdir="datasets",
             hash_algorithm="auto", extract=False, archive_format="auto", cache_dir=None, force_download=False) -> str:
    """The path of a file from `origin`, or of the folder that it was unpacked to; fetched if it is not there yet.

    What has its name is whole, and has the hash that was asked for."""
    if origin is None:
        raise ValueError("get_file: argument 'origin' is missing: the URL of the file")
    name = os.fspath(fname or os.path.basename(urllib.parse.urlsplit(origin).path))
    if name in ("", ".", "..") or "/" in name or os.sep in name:
        raise ValueError(f"get_file: fname must be the name of a file, without a folder, got {name!r}; "
                         "cache_dir and cache_subdir choose the folder")
    one_of("get_file", "hash_algorithm", hash_algorithm, ("auto", "sha256", "md5"))
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    target, unpacked = folder / name, folder / f"{name.partition('.')[0]}_extracted"
    if (extract or untar) and not (fname and "." in name):
        target, unpacked = folder / f"{name}_archive", folder / name
    fresh = force_download or not target.exists() or not _kept(target, file_hash, hash_algorithm)
    if fresh:
        _download(origin, target, file_hash, hash_algorithm)
    if not (extract or untar):
        return str(target)
    if (fresh or not unpacked.exists()) and not _unpack(target, unpacked, "tar" if untar else archive_format):
        warnings.warn(f"get_file: {target} is no archive of the format {archive_format!r}", stacklevel=2)
    return str(unpacked)


def _hasher(file_hash: str | None, algorithm: str):
    """"auto" takes 64 digits for SHA-256 and others for MD5."""
    long = algorithm == "sha256" or algorithm == "auto" and len(file_hash or "") == 64
    return hashlib.sha256() if long else hashlib.md5(usedforsecurity=False)


def _kept(path: Path, file_hash: str | None, algorithm: str) -> bool:
    """Whether the file that is there will do."""
    digest = _hasher(file_hash, algorithm)
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return file_hash is None or digest.hexdigest() == file_hash.lower()


def _download(origin: str, target: Path, file_hash: str | None, algorithm: str):
    say(f"Downloading data from {origin}")
    digest = _hasher(file_hash, algorithm)
    with replacing(target) as file:
        fetch_into(origin, lambda piece: (digest.update(piece), file.write(piece)))
        if file_hash is not None and digest.hexdigest() != file_hash.lower():
            raise ValueError(f"get_file: {origin} came with the hash {digest.hexdigest()}, expected {file_hash}; it "
                             "was not kept")


def _unpack(archive: Path, folder: Path, formats) -> bool:
    """All of it or nothing: into a draft beside the folder, which then takes its place. False: no such archive."""
    formats = {"auto": ("tar", "zip"), None: ()}.get(formats, [formats] if isinstance(formats, str) else formats)
    kind = next((f for f in formats if (tarfile.is_tarfile if f == "tar" else zipfile.is_zipfile)(archive)), None)
    if kind is None:
        return False
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.tmp")
    try:
        draft.mkdir()
        with tarfile.open(archive) if kind == "tar" else zipfile.ZipFile(archive) as opened:
            for name, is_folder, read in (_tar if kind == "tar" else _zip)(opened):
                path = _inside(draft, name)
                (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
                if not is_folder:
                    with open(path, "xb") as file:
                        shutil.copyfileobj(read(), file)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def _inside(folder: Path, name: str) -> Path:
    """Where a member goes; there are no links in the folder, so that its parts say all."""
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or any(part == ".." or set(part) & set(":\\\0") for part in parts):
        raise ValueError(f"the archive is refused: its member {name!r} would lie outside of the folder")
    return folder.joinpath(*parts)


def _tar(opened):
    """(name, is a folder, how to read)"""
    for member in opened:
        _refuse(member.name, not (member.isreg() or member.isdir()))
        yield member.name, member.isdir(), lambda member=member: opened.extractfile(member)


def _zip(opened):
    for member in opened.infolist():
        _refuse(member.filename, stat.S_ISLNK(member.external_attr >> 16))
        yield member.filename, member.is_dir(), lambda member=member: opened.open(member)


def _refuse(name: str, wrong: bool):
    if wrong:
        raise ValueError(f"the archive is refused: its member {name!r} is a link or a device")
