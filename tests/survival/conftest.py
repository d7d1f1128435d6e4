"""`pytest tests/survival --seed N` plays one history of faults again."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Seen where this folder is named on the command line."""
    parser.addoption("--seed", type=int, default=None, help="the seed of the random storm, as a failure printed it")
