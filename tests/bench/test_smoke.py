"""The benches run: a few seconds each, figures ignored."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import NAMES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_measures_and_writes_rows(name: str, tmp_path: Path) -> None:
    written = tmp_path / "rows.json"

    ran = subprocess.run(
        [sys.executable, "-m", "bench", name, "--quick", "--json", str(written)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads(written.read_text())
    assert rows
    assert all({"name", "metric", "value", "unit"} == set(row) for row in rows)
