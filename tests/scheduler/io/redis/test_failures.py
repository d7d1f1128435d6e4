"""Every kind of failure and every option of the URL is in the page that operators read."""

from __future__ import annotations

import re
from pathlib import Path

from scheduler.io.redis.failures import Kind
from scheduler.storeurl import OPTIONS

PAGE = Path(__file__).parents[4] / "docs" / "redis.md"


def _first_column() -> set[str]:
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def test_every_kind_of_failure_is_explained() -> None:
    assert set(Kind) <= _first_column()


def test_every_option_is_explained_and_no_other() -> None:
    assert set(OPTIONS) == _first_column() - set(Kind)
