"""The compiled wire's and scanner's tests once more, built with AddressSanitizer: descriptors reused, peers gone at every point."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COPIED = ("gateway", "moorage", "scheduler", "tests", "setup.py", "pyproject.toml", "README.md")
MODULES = (
    "test_frames*.py",
    "test_scan.py",
    "test_heads.py",
    "test_upgrade.py",
    "io/test_wire*.py",
    "io/test_relay*.py",
)
OPTIONS = "detect_leaks=0:verify_asan_link_order=0:detect_stack_use_after_return=1:abort_on_error=0:exitcode=99"


def sanitizer() -> str:
    """The compiler's libasan; skips the test where there is none."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    path = subprocess.run(
        [gcc, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip("gcc has no libasan")
    return path


def a_tree(folder: Path) -> Path:
    """The sources without anything built."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("*.so", "pump.c", "scan.c", "__pycache__")
            )
        elif source.exists():
            shutil.copy(source, folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(800)
def test_what_is_compiled_touches_no_memory_it_does_not_own(tmp_path: Path) -> None:
    libasan = sanitizer()
    tree = a_tree(tmp_path)
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(build, cwd=tree, env={**os.environ, "MOORAGE_SANITIZE": "1"}, check=True, timeout=300)
    built = [*(tree / "gateway/io/compiled").glob("pump*.so"), *(tree / "gateway").glob("scan*.so")]
    assert [b"__asan_report" in each.read_bytes() for each in built] == [True, True]
    environment = {
        **os.environ,
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": f"{OPTIONS}:log_path={tree}/report",
        "LD_PRELOAD": libasan,
        "PYTHONPATH": str(tree),
    }
    where = "import gateway.io.compiled.pump as pump, gateway.scan as scan; print(pump.__file__, scan.__file__)"
    asked = subprocess.run(
        [sys.executable, "-c", where], cwd=tree, env=environment, capture_output=True, text=True, check=True
    )
    assert asked.stdout.count(str(tree)) == 2, "the sanitized build is not the one that is imported"
    select = [
        "-k",
        "compiled or agree or test_scan or test_heads or test_upgrade",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        "--timeout",
        "120",
    ]

    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--rootdir",
            str(tree),
            *select,
            *(str(path) for name in MODULES for path in (tree / "tests/gateway").glob(name)),
        ],
        cwd=tree,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=700,
    )

    reports = [report.read_text() for report in tree.glob("report.*")]
    assert reports == []
    assert run.returncode == 0, run.stdout[-5000:]
    assert " passed" in run.stdout
