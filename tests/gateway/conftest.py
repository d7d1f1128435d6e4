"""The two walks that must do alike."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["pure", "compiled"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
