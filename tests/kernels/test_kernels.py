"""Every kernel against its float64 reference, on every device; no public function and no CUDA kernel goes unrun."""
import importlib
from pathlib import Path

import pytest

from .harness import CASES, check

for path in sorted(Path(__file__).parent.glob("cases_*.py")):
    importlib.import_module(f"{__package__}.{path.stem}")

ROWS = [pytest.param(case, dtype, id=f"{case.id}-{dtype}") for case in CASES for dtype in case.dtypes]


@pytest.mark.parametrize(("case", "dtype"), ROWS)
def test_kernel(case, dtype, device):
    check(case, device, dtype)
