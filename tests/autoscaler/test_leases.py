"""Who leads, as a timeline on one candidate's clock."""

from __future__ import annotations

import pytest

from autoscaler.leases import LeaseSeen, Move, Terms, Watched, holding, lease_of, move, released, watched

ME, OTHER = "me", "other"


def a_lease(holder: str = OTHER, version: str = "1", duration: float = 15.0) -> LeaseSeen:
    return LeaseSeen(holder, duration, version, "", "2026-11-22T10:00:00.000000Z", 3)


def test_a_lease_that_does_not_exist_is_created() -> None:
    assert move(ME, watched(None, None, 0.0), 0.0) is Move.CREATE


def test_a_held_lease_is_waited_for_until_it_did_not_change_for_its_whole_duration() -> None:
    seen = watched(None, a_lease(), 100.0)

    assert move(ME, seen, 115.0) is Move.WAIT
    assert move(ME, seen, 115.1) is Move.TAKE


def test_every_renewal_begins_the_wait_anew() -> None:
    seen = watched(None, a_lease(version="1"), 100.0)
    seen = watched(seen, a_lease(version="1"), 110.0)
    assert seen.since == 100.0

    seen = watched(seen, a_lease(version="2"), 114.0)

    assert move(ME, seen, 120.0) is Move.WAIT
    assert move(ME, seen, 129.1) is Move.TAKE


def test_a_wall_clock_in_the_lease_is_never_looked_at() -> None:
    ancient = LeaseSeen(OTHER, 15.0, "1", "1999-01-01T00:00:00.000000Z", "", 0)

    assert move(ME, Watched(ancient, 100.0), 101.0) is Move.WAIT


def test_a_released_lease_is_taken_at_once_and_ones_own_is_renewed() -> None:
    assert move(ME, Watched(a_lease(holder=""), 100.0), 100.0) is Move.TAKE
    assert move(ME, Watched(a_lease(holder=ME), 100.0), 200.0) is Move.RENEW


def test_taking_a_lease_counts_a_transition_and_renewing_it_does_not() -> None:
    taken = holding("pool", ME, Terms(), a_lease(version="7"), 1000.0)
    renewed = holding("pool", ME, Terms(), a_lease(holder=ME), 1002.0)

    assert taken["metadata"] == {"name": "pool", "resourceVersion": "7"}
    assert taken["spec"]["leaseTransitions"] == 4
    assert taken["spec"]["acquireTime"] == taken["spec"]["renewTime"] == "1970-01-01T00:16:40.000000Z"
    assert renewed["spec"]["leaseTransitions"] == 3
    assert renewed["spec"]["acquireTime"] == "2026-11-22T10:00:00.000000Z"


def test_a_document_that_was_written_is_read_as_it_was_meant() -> None:
    document = holding("pool", ME, Terms(), None, 0.0)
    document["metadata"]["resourceVersion"] = "1"

    seen = lease_of(document)

    assert (seen.holder, seen.duration, seen.transitions) == (ME, 15.0, 0)
    assert lease_of({**released("pool", seen, 1.0)}).holder == ""


@pytest.mark.parametrize("terms", [{"retry": 0.0}, {"renew_deadline": 6.0}, {"duration": 12.0}])
def test_terms_under_which_two_could_lead_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Terms(**terms)
