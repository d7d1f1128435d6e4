"""One rendering of each file of values, for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.helm.charts import CASES, Document, rendered


@pytest.fixture(params=CASES)
def objects(request: pytest.FixtureRequest) -> tuple[Document, ...]:
    """All objects of one case."""
    return rendered(request.param)
