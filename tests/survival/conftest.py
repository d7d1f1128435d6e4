"""`pytest tests/survival --seed N` plays one history of faults again."""

from __future__ import annotations

import pytest

from tests.survival.history import History
from tests.survival.stories import a_clean_history


def pytest_addoption(parser: pytest.Parser) -> None:
    """Seen where this folder is named on the command line."""
    parser.addoption("--seed", type=int, default=None, help="the seed of the random storm, as a failure printed it")


@pytest.fixture
def clean() -> History:
    """Nothing is wrong with it."""
    return a_clean_history()
