from __future__ import annotations

import pytest

from scheduler.drains import retry_after


def test_retries_are_spread_over_a_second() -> None:
    assert retry_after(lambda count: b"\x00" * count) == pytest.approx(0.2)
    assert retry_after(lambda count: b"\xff" * count) == pytest.approx(1.2, abs=0.001)
