from __future__ import annotations

import pytest

from moorage.ids import KeyId, UserId, WorkspaceId
from scheduler.limits import Limits
from scheduler.values import Concurrency
from tests.scheduler.builders import a_request

ONE = UserId("usr_one"), KeyId("key_one"), WorkspaceId("wsp_one")


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (Concurrency(per_user=1), "user"),
        (Concurrency(per_key=1), "key"),
        (Concurrency(per_workspace=1), "workspace"),
    ],
)
def test_each_limit_is_named_when_it_is_reached(limits: Concurrency, word: str) -> None:
    counts = Limits()
    request = a_request(limits=limits)
    assert counts.broken_by(request) is None

    counts.add(*ONE)

    assert word in (counts.broken_by(request) or "")


def test_zero_is_no_limit() -> None:
    counts = Limits()
    for _ in range(1000):
        counts.add(*ONE)

    assert counts.broken_by(a_request()) is None


def test_what_is_removed_leaves_nothing_behind() -> None:
    counts = Limits()
    for _ in range(2):
        counts.add(*ONE)
    counts.remove(*ONE)
    assert len(counts) == 3

    counts.remove(*ONE)

    assert len(counts) == 0
    assert counts.broken_by(a_request(limits=Concurrency(1, 1, 1))) is None
