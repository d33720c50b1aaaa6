"""`make gpu` runs to its end, here on the stand-in for a GPU; a part that fails or hangs does not stop the others."""
import contextlib
import io
import json
import os
import sys
from types import SimpleNamespace

import pytest

from benchmarks.gpu import PARTS, arithmetic, kernels, report, sanitizer, streaming
from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu.process import Ended, Process
from gpunn.kernels import cuda
from tests.kernels.coverage import exported

FAULT, SLEEP = "tests.benchmarks.planted_fault", "tests.benchmarks.planted_sleep"
# in the places of what a machine may have or lack
SANITIZER = '''#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift 2; done
"$@" && echo "========= ERROR SUMMARY: 0 errors"
'''
BARE_PYTHON = f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n'


def script(path, text: str):
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def run(folder, *words: str):
    """-> what was printed, what was saved, the status"""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = gpu.main([*words, "--device", "sim", "--plugin", "tests.sim", "--short", "--results", str(folder),
                           "--peer-python", script(folder / "python", BARE_PYTHON)])
    files = list(folder.glob("*.json"))
    return SimpleNamespace(text=printed.getvalue(), status=status, name=files[0].name,
                           parts=json.loads(files[0].read_text())["parts"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Every part, and one among them that dies."""
    folder = tmp_path_factory.mktemp("gpu")
    script(folder / sanitizer.NAME, SANITIZER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return run(folder, *PARTS[:2], FAULT, *PARTS[2:], "--seconds", "1500")


def test_every_part_runs(whole):
    assert list(whole.parts) == [*PARTS[:2], FAULT, *PARTS[2:]]
    for name, record in whole.parts.items():
        assert record["rows"] and (name == FAULT or not record["failed"]), (name, record)


def test_a_part_that_dies_keeps_its_rows_and_fails_the_whole(whole):
    record = whole.parts[FAULT]
    assert whole.status == 1 and record["rows"] == [{"what": "before the end", "value": 0.125}]
    assert record["failed"][0].startswith("status -11:") and "- FAILED: status -11:" in whole.text


def test_the_file_holds_what_is_printed(whole):
    assert whole.name == f"cuda-sources-on-the-cpu-{report.DAY}.json"
    for record in whole.parts.values():
        assert report.section(record) in whole.text


def test_a_missing_peer_is_a_line(whole):
    assert whole.parts["training"]["left out"] == ["jax is not installed", "torch is not installed"]
    assert [row["workload"] for row in whole.parts["training"]["rows"]] == [
        "tiny, small", "cnn, small", "cnn, small, bf16"]


def test_what_the_parts_found(whole):
    rows = {name: record["rows"] for name, record in whole.parts.items()}
    assert rows["conformance"][0]["passed"] > 20 and rows["conformance"][0]["wrong"] == 0
    assert {row["equal"] for row in rows["equality"]} == {"bitwise"}
    assert [row["summary"] for row in rows["sanitizer"]] == ["ERROR SUMMARY: 0 errors"] * len(sanitizer.TOOLS)
    assert all(row["us"] > 0 for row in rows["kernels"] if not row["kernel"].startswith("limit"))
    assert {row["contender"] for row in rows["start"]} == {"gpunn"}


def test_a_part_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "GRACE", 0.5)
    result = run(tmp_path, "machine", SLEEP, "sanitizer", "--seconds", "40")
    assert result.status == 1 and result.parts[SLEEP]["rows"] == [{"what": "awake"}]
    assert "took longer than" in result.parts[SLEEP]["failed"][0] and result.parts["sanitizer"]["seconds"]


def test_without_time_nothing_runs_and_everything_is_listed(tmp_path):
    result = run(tmp_path, "--seconds", "0")
    assert [record["left out"] for record in result.parts.values()] == [["no time"]] * len(PARTS)
    assert result.name == f"gpu-{report.DAY}.json"


def test_an_unknown_part_is_a_failure(tmp_path):
    result = run(tmp_path, "sanitiser", "--seconds", "20")
    assert result.status == 1 and "No module named" in result.parts["sanitiser"]["failed"][0]


def test_what_a_process_says_last_is_told():
    with Process([sys.executable, "-c", "print('{}'); raise SystemExit('the reason')"]) as process:
        assert process.answer(20) == {}
        with pytest.raises(Ended, match="the reason"):
            process.answer(20)
    with Process([sys.executable, "-c", "input()"]) as process, pytest.raises(Ended, match="took longer than 0 s"):
        process.answer(0.3)


def test_every_public_kernel_has_a_row():
    assert {name.partition(" ")[0].rstrip(",") for name in kernels.table(short=False)} == set(exported(cuda))


def test_floors_in_closed_form():
    n, limits = 1 << 20, {"bytes": 1e12, "TF32": 1e14}
    table = streaming.table(n)
    assert table["optimize adam"].moved == 7 * n // 2 and table["optimize sgd"].moved == 3 * n // 2
    assert table["unary relu"].floor(limits) == 8 * n / 1e12
    product = arithmetic.product(512, 256, 128)
    assert product.flops == 2 * 512 * 256 * 128 and product.moved == 512 * 128 + 128 * 256 + 512 * 256
    assert product.floor(limits) == 4 * product.moved / 1e12 and product.floor({"bytes": 1e12}) is None
    forward, *_ = arithmetic.convolution(2, 5, 6, 4, 3, groups=2, stride=2).values()
    assert forward.flops == 2 * (2 * 3 * 3 * 4) * 9 * 3
    assert forward.moved == 2 * 25 * 6 + 9 * 3 * 4 + 2 * 9 * 4


def test_a_table_has_the_columns_of_all_rows():
    assert report.table([{"a": 1.23456, "b": None}, {"c": "x|y"}]) == [
        "| a | b | c |", "| --- | --- | --- |", "| 1.235 | – | – |", "| – | – | x/y |"]
