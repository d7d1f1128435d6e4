"""The order of the deadlines is executed, not believed."""

from __future__ import annotations

import doctest

from moorage import backoff, deadlines, endings, errors, link
from moorage.io import worker_options


def test_the_deadlines_are_in_the_order_that_makes_them_work_together() -> None:
    assert doctest.testmod(deadlines) == (0, 3)


def test_a_silent_gateway_is_left_before_its_workers_are_lost() -> None:
    assert deadlines.LINK_MOVE + deadlines.HEARTBEAT_EVERY + 1.5 < deadlines.WORKER_LOST_AFTER


def test_the_examples_in_docstrings_are_true() -> None:
    for module in (backoff, endings, errors, link, worker_options):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0
