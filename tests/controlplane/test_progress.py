"""Tests of controlplane/progress.py."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.progress import after_end, after_event, seen_live
from controlplane.sessions import EndNote, Session, Status
from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from scheduler.values import NO_USAGE, ClaimState, Event, Outcome, SessionView, Usage
from tests.controlplane.builders import NOW, SESSION, WORKER, a_session, an_end, an_event

NODES = {"gtw_1": "wss://one", "gtw_2": "wss://two"}


def test_a_start_makes_a_session_active_with_its_place() -> None:
    event = an_event("session.started", data={"region": "eu", "pool": "gpu", "gateway": "gtw_2"})

    session = after_event(a_session(), event, NODES)

    assert session.status is Status.ACTIVE
    assert session.started_at == event.at
    assert (session.worker, session.region, session.pool, session.node) == (WORKER, "eu", "gpu", "wss://two")


def test_a_suspended_session_stays_active() -> None:
    started = after_event(a_session(), an_event("session.started"), NODES)

    suspended = after_event(started, an_event("session.suspended", NOW + 2, 2), NODES)

    assert suspended.status is Status.ACTIVE


def test_resuming_elsewhere_moves_worker_and_node_but_not_the_start() -> None:
    other = WorkerId("wrk_other")
    started = after_event(a_session(), an_event("session.started", data={"gateway": "gtw_1"}), NODES)
    resumed = Event("2", "session.resumed", NOW + 9, SESSION, other, 2, data={"gateway": "gtw_2"})

    session = after_event(started, resumed, NODES)

    assert (session.worker, session.node, session.started_at) == (other, "wss://two", NOW + 1)


def test_a_resume_whose_start_was_lost_makes_it_active() -> None:
    assert after_event(a_session(), an_event("session.resumed"), NODES).status is Status.ACTIVE


def test_an_older_event_tells_only_what_is_missing() -> None:
    newer = after_event(a_session(), an_event("session.resumed", NOW + 5, 5), NODES)
    moved = an_event("session.suspended", NOW + 1, 1, data={"region": "elsewhere", "gateway": "gtw_2"})

    told = after_event(newer, moved, NODES)

    assert told == replace(newer, region="elsewhere")
    assert after_event(told, replace(moved, data={"region": "nowhere"}), NODES) is told


def test_when_it_started_does_not_hang_on_the_order_of_events() -> None:
    started, resumed = an_event("session.started", NOW + 1, 1), an_event("session.resumed", NOW + 5, 5)

    one = after_event(after_event(a_session(), started, NODES), resumed, NODES)
    other = after_event(after_event(a_session(), resumed, NODES), started, NODES)

    assert one == other
    assert one.started_at == NOW + 1


def test_a_session_whose_end_comes_first_ends_once_and_knows_its_worker() -> None:
    started = an_event("session.started", NOW + 1, 1, data={"region": "eu", "pool": "gpu", "gateway": "gtw_2"})
    in_order = after_end(after_event(a_session(), started, NODES), an_end())

    reversed_ = after_event(after_end(a_session(), an_end()), started, NODES)

    assert reversed_ == replace(in_order, event_at=reversed_.event_at, event_seq=reversed_.event_seq)
    assert after_event(reversed_, started, NODES) is reversed_


def test_numbers_that_begin_anew_after_a_lost_store_still_count() -> None:
    before = after_event(a_session(), an_event("session.resumed", NOW + 5, 9), NODES)

    after = after_event(before, an_event("session.resumed", NOW + 60, 1), NODES)

    assert after.event_seq == 1


def test_events_of_other_kinds_change_nothing() -> None:
    session = a_session()

    assert after_event(session, an_event("worker.joined"), NODES) is session


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.COMPLETED, Status.COMPLETED),
        (Outcome.FAILED, Status.FAILED),
        (Outcome.EXPIRED, Status.EXPIRED),
    ],
)
@pytest.mark.parametrize("before", [Status.PENDING, Status.ACTIVE])
def test_an_end_record_is_the_final_word(before: Status, outcome: Outcome, status: Status) -> None:
    record = an_end(outcome, code=Code.WORKER_LOST)

    session = after_end(a_session(status=before, end_wanted="x"), record)

    assert session.status is status
    assert session.end == EndNote("WORKER_LOST", "done", "client")
    assert (session.ended_at, session.held_seconds, session.usage) == (NOW + 60, 42.5, Usage(1, 2, 3, 4))
    assert session.end_wanted is None


@pytest.mark.parametrize("is_estimated", [True, False])
def test_a_row_says_whether_the_record_is_an_estimate(*, is_estimated: bool) -> None:
    session = after_end(a_session(status=Status.ACTIVE), an_end(is_estimated=is_estimated))

    assert session.is_usage_estimated is is_estimated


@pytest.mark.parametrize(("before", "is_estimated"), [(Status.ACTIVE, True), (Status.PENDING, False)])
def test_a_record_that_knows_of_no_time_attached_is_an_estimate_of_who_was_active(
    before: Status, *, is_estimated: bool
) -> None:
    record = an_end(Outcome.FAILED, held_seconds=0.0, usage=NO_USAGE)

    assert after_end(a_session(status=before), record).is_usage_estimated is is_estimated


def test_a_second_end_changes_nothing() -> None:
    ended = after_end(a_session(), an_end())

    assert after_end(ended, an_end(Outcome.FAILED)) is ended


def test_nothing_reopens_an_ended_session() -> None:
    ended = after_end(a_session(), an_end())

    assert after_event(ended, an_event("session.resumed", NOW + 99, 99), NODES) is ended


_TYPES = ("session.started", "session.suspended", "session.resumed", "session.ended")


@given(st.lists(st.integers(0, 3), max_size=6), st.integers(0, 6))
def test_replaying_any_part_of_a_stream_changes_nothing(kinds: list[int], replay_from: int) -> None:
    stream = [_numbered(kind, seq) for seq, kind in enumerate(kinds, 1)]
    once = _applied(a_session(), stream)

    assert _applied(once, stream[replay_from:]) == once


def test_however_late_other_events_come_the_end_is_the_same() -> None:
    stream = [_numbered(kind, seq) for seq, kind in enumerate((0, 1, 2, 3), 1)]

    ends = {(_applied(a_session(), list(order)).status) for order in permutations(stream)}

    assert ends == {Status.COMPLETED}


def test_the_store_knows_a_live_session_better_than_its_row() -> None:
    view = SessionView(
        SESSION, ClaimState.HELD, WORKER, GatewayId("gtw_1"), "eu", "gpu", 7, NOW + 1, NOW + 9999, Usage(5), 3.0
    )

    seen = seen_live(a_session(), view)

    assert (seen.status, seen.started_at, seen.expires_at) == (Status.ACTIVE, NOW + 1, NOW + 9999)
    assert (seen.usage, seen.held_seconds, seen.region) == (Usage(5), 3.0, "eu")
    assert seen_live(seen, view).started_at == NOW + 1


def test_a_reservation_is_no_start_and_an_ended_row_no_longer_looks() -> None:
    reserved = SessionView(SESSION, ClaimState.RESERVED, WORKER, None, "eu", "gpu", 7, None, NOW, NO_USAGE, 0.0)
    pending, ended = a_session(), after_end(a_session(), an_end())

    assert seen_live(pending, reserved) is pending
    assert seen_live(ended, reserved) is ended


def _numbered(kind: int, seq: int) -> Event:
    return an_event(_TYPES[kind], NOW + seq, seq, end=an_end() if kind == 3 else None)


def _applied(session: Session, events: list[Event]) -> Session:
    for event in events:
        session = after_event(session, event, NODES)
    return session
