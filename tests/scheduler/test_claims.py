from __future__ import annotations

from itertools import product

import pytest

from scheduler.claims import NEXT, Change, NoSuchChange, after, live_after, next_fence
from scheduler.values import ClaimState


def test_the_table_is_walked() -> None:
    assert all(after(state, change) is following for (state, change), following in NEXT.items())


def test_a_change_that_is_not_in_the_table_names_both() -> None:
    with pytest.raises(NoSuchChange, match=r"suspended cannot confirm"):
        after(ClaimState.SUSPENDED, Change.CONFIRM)
    with pytest.raises(NoSuchChange, match=r"absent cannot suspend"):
        after(None, Change.SUSPEND)


def test_ended_is_final() -> None:
    assert not [change for state, change in NEXT if state is ClaimState.ENDED]


def test_every_live_state_can_end() -> None:
    for state in (None, ClaimState.RESERVED, ClaimState.HELD, ClaimState.SUSPENDED):
        assert after(state, Change.END) is ClaimState.ENDED


def test_where_no_claim_remains_it_is_said() -> None:
    assert live_after(ClaimState.RESERVED, Change.CONFIRM) is ClaimState.HELD
    with pytest.raises(NoSuchChange, match="leaves no claim"):
        live_after(ClaimState.RESERVED, Change.ABANDON)


def test_fences_rise_whatever_the_clock_does() -> None:
    fence = 0
    for now in (5.0, 5.0, 4.0, 6.0, 6.0000001):
        previous, fence = fence, next_fence(fence, now)
        assert fence > previous
        assert fence >= int(now * 1_000_000)


def test_a_store_that_lost_its_data_gives_higher_fences_than_before() -> None:
    before = next_fence(0, 1000.0)

    assert all(next_fence(0, 1000.0 + later) > before for later in (0.001, 1.0, 3600.0))


def test_every_change_is_used_and_every_state_is_left() -> None:
    assert {change for _, change in NEXT} == set(Change)
    assert len(NEXT) < len(list(product([None, *ClaimState], Change)))
