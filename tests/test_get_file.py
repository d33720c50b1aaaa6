"""get_file: what has its name is whole and right, and nothing leaves its folder."""
import hashlib
import io
import os
import stat
import tarfile
import zipfile

import pytest

from gpunn.storage import download
from gpunn.utils import files, get_file

URL = "https://example.org/set/data.bin"


@pytest.fixture
def served(monkeypatch, tmp_path):
    """URL -> bytes; `asked` lists what was fetched."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    contents, asked = {}, []

    def fetch_into(url, write, limit=None):
        asked.append(url)
        for i in range(0, len(contents[url]), 3):
            write(contents[url][i:i + 3])
    monkeypatch.setattr(files, "fetch_into", fetch_into)
    return contents, asked


def tar(*members):
    """(name, bytes, or a TarInfo's type and link)"""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            else:
                info.type, info.linkname = content
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return raw.getvalue()


def zipped(*members):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content, *mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode[0] if mode else 0o600) << 16
            archive.writestr(info, content)
    return raw.getvalue()


def test_a_file_is_fetched_once(served, tmp_path, capsys):
    contents, asked = served
    contents[URL] = b"0123456789"
    path = get_file(origin=URL)
    assert path == str(tmp_path / "datasets" / "data.bin") == get_file(origin=URL)
    assert open(path, "rb").read() == b"0123456789" and asked == [URL]
    get_file(origin=URL, force_download=True)
    assert len(asked) == 2 and f"Downloading data from {URL}" in capsys.readouterr().out
    assert get_file("other", URL, cache_dir=tmp_path / "x", cache_subdir="y") == str(tmp_path / "x" / "y" / "other")


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_the_hash_decides(served, tmp_path, kind):
    contents, asked = served
    contents[URL] = b"right"
    right = hashlib.new(kind, b"right").hexdigest()
    path = get_file(origin=URL, file_hash=right.upper())
    open(path, "wb").write(b"damaged")
    assert open(get_file(origin=URL, file_hash=right, hash_algorithm=kind), "rb").read() == b"right" and len(asked) == 2
    contents[URL] = b"wrong"
    with pytest.raises(ValueError, match=f"came with the hash .*, expected {right}; it was not kept"):
        get_file("new", URL, file_hash=right)
    assert os.listdir(tmp_path / "datasets") == ["data.bin"]


def test_md5_hash_is_the_old_name(served):
    served[0][URL] = b"right"
    get_file(origin=URL, md5_hash=hashlib.md5(b"right").hexdigest())
    with pytest.raises(ValueError, match="expected 0"):
        get_file("b", URL, md5_hash="0" * 32)


@pytest.mark.parametrize("name, archive", [
    ("a.tgz", tar(("top/a.txt", b"one"), ("top/deep/b.txt", b"two"), ("./c", b"three"))),
    ("a.zip", zipped(("top/a.txt", b"one"), ("top/deep/", b""), ("top/deep/b.txt", b"two"), ("./c", b"three"))),
], ids=["tar", "zip"])
def test_archives_are_unpacked(served, tmp_path, name, archive):
    served[0][URL] = archive
    folder = get_file(name, URL, extract=True)
    assert folder == str(tmp_path / "datasets" / "a_extracted")
    found = {os.path.relpath(os.path.join(top, file), folder) for top, _, inner in os.walk(folder) for file in inner}
    assert found == {"top/a.txt", "top/deep/b.txt", "c"}
    assert open(f"{folder}/top/deep/b.txt").read() == "two"
    assert get_file(name, URL, extract=True) == folder and len(served[1]) == 1
    assert get_file(origin=URL, extract=True) == str(tmp_path / "datasets" / "data.bin")     # without a name of ours
    assert sorted(os.listdir(tmp_path / "datasets")) == sorted([name, "a_extracted", "data.bin", "data.bin_archive"])


@pytest.mark.parametrize("archive, match", [
    (tar(("../evil", b"x")), "'../evil' would lie outside"),
    (tar(("a/../../evil", b"x")), "would lie outside"),
    (tar(("/tmp/evil", b"x")), "'/tmp/evil' would lie outside"),
    (tar(("C:\\evil", b"x")), "would lie outside"),
    (tar(("link", (tarfile.SYMTYPE, "/etc"))), "'link' is a link or a device"),
    (tar(("hard", (tarfile.LNKTYPE, "a"))), "is a link or a device"),
    (tar(("pipe", (tarfile.FIFOTYPE, ""))), "is a link or a device"),
    (zipped(("../evil", b"x")), "'../evil' would lie outside"),
    (zipped(("/evil", b"x")), "would lie outside"),
    (zipped(("a\\..\\evil", b"x")), "would lie outside"),
    (zipped(("link", b"/etc/passwd", stat.S_IFLNK | 0o777)), "'link' is a link"),
], ids=range(11))       # an archive holds the time
def test_hostile_archives_leave_nothing(served, tmp_path, archive, match):
    served[0][URL] = archive
    with pytest.raises(ValueError, match=match):
        get_file("a.bin", URL, extract=True, cache_dir=tmp_path / "in")
    assert os.listdir(tmp_path) == ["in"] and os.listdir(tmp_path / "in" / "datasets") == ["a.bin"]


def test_what_is_no_archive_is_said(served):
    served[0][URL] = b"plain"
    with pytest.warns(UserWarning, match="is no archive of the format 'auto'"):
        get_file(origin=URL, extract=True)


@pytest.mark.parametrize("options, match", [
    ({}, "argument 'origin' is missing"),
    ({"origin": URL, "fname": "../a"}, "without a folder, got '../a'"),
    ({"origin": "https://example.org/a/.."}, "without a folder, got '..'"),
    ({"origin": URL, "hash_algorithm": "crc"}, "hash_algorithm must be 'auto', 'sha256' or 'md5', got 'crc'"),
])
def test_wrong_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        get_file(**options)


def test_an_answer_that_breaks_off_is_noticed(monkeypatch):
    class Answer(io.BytesIO):
        length = 200

    class Opener:
        def open(self, url, timeout):
            return Answer(bytes(100))
    monkeypatch.setattr(download.urllib.request, "build_opener", lambda handler: Opener())
    with pytest.raises(OSError, match="broke off after 100 of 200 bytes"):
        download.fetch("https://example.org/a", 1000)
