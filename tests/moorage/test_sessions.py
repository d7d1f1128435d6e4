"""The worker's table: slots, fences, and telling the store until it has heard."""

from __future__ import annotations

from moorage.ids import SessionId
from moorage.link import Heartbeat, Listed, Outcome, Over
from moorage.sessions import MAX_CHANGES, MAX_REASON, Attach, SessionTable

A, B, C = (SessionId(f"ses_{letter}") for letter in "abc")


def a_table(slots: int = 2, **attached: int) -> SessionTable:
    table = SessionTable(slots)
    for letter, fence in attached.items():
        table.attach(SessionId(f"ses_{letter}"), fence)
    return table


def said(beat: Heartbeat) -> tuple[tuple[Listed, ...], tuple[Listed, ...], tuple[Over, ...]]:
    return beat.attached, beat.detached, beat.ended


def test_a_session_takes_one_slot_however_often_it_attaches() -> None:
    table = a_table(slots=1, a=1)

    assert table.attach(A, 2) is Attach.AGAIN
    assert len(table) == 1
    assert table.fence(A) == 2


def test_an_equal_or_lower_fence_is_stale() -> None:
    table = a_table(a=5)

    assert table.attach(A, 5) is Attach.STALE
    assert table.attach(A, 4) is Attach.STALE
    assert table.fence(A) == 5


def test_a_full_worker_takes_back_its_own_and_nobody_else() -> None:
    table = a_table(slots=2, a=1, b=1)

    assert table.attach(C, 9) is Attach.FULL
    assert table.attach(A, 2) is Attach.AGAIN
    assert C not in table


def test_a_draining_worker_takes_back_its_own_and_nobody_else() -> None:
    table = a_table(a=1)
    table.is_draining = True

    assert table.attach(B, 1) is Attach.DRAINING
    assert table.attach(A, 2) is Attach.AGAIN


def test_judging_changes_nothing() -> None:
    table = a_table(slots=1)

    assert table.judge(A, 1) is Attach.NEW
    assert len(table) == 0
    assert [verdict for verdict in Attach if verdict.is_refusal] == [Attach.STALE, Attach.FULL, Attach.DRAINING]


def test_a_detached_session_keeps_its_slot_and_is_listed_so() -> None:
    table = a_table(slots=1, a=3)

    assert table.detach(A, 3)
    assert table.listed() == (Listed(A, 3, is_attached=False),)
    assert table.attach(B, 1) is Attach.FULL


def test_the_end_of_an_older_socket_does_not_detach_the_newer_one() -> None:
    table = a_table(a=3)
    table.attach(A, 4)

    assert not table.detach(A, 3)
    assert not table.detach(B, 1)
    assert table.listed() == (Listed(A, 4, is_attached=True),)


def test_an_ended_session_frees_its_slot_and_is_reported_with_its_fence() -> None:
    table = a_table(slots=1, a=3)

    assert table.end(A, Outcome.FAILED, "r" * 500)
    assert not table.end(A, Outcome.COMPLETED, "again")
    assert said(table.beat(0.0)) == ((), (), (Over(A, 3, Outcome.FAILED, "r" * MAX_REASON),))
    assert table.attach(B, 1) is Attach.NEW


def test_a_session_let_go_is_reported_as_detached_and_not_as_ended() -> None:
    table = a_table(a=3)

    assert table.forget(A)
    assert not table.forget(A)
    assert said(table.beat(0.0)) == ((), (Listed(A, 3, is_attached=False),), ())
    assert table.listed() == ()
    assert table.fence(A) is None


def test_what_the_store_did_not_take_is_said_again() -> None:
    table = a_table(a=1)

    first, second = table.beat(0.0), table.beat(0.0)

    assert first.attached == second.attached == (Listed(A, 1, is_attached=True),)
    assert (first.seq, second.seq) == (1, 2)


def test_what_it_took_is_not() -> None:
    table = a_table(a=1)
    table.attach(B, 1)
    table.end(B, Outcome.COMPLETED, "")

    table.acknowledge(table.beat(0.0))

    assert said(table.beat(0.0)) == ((), (), ())


def test_what_changed_after_the_beat_outlives_its_acknowledgement() -> None:
    table = a_table(a=1, b=1)
    beat = table.beat(0.0)
    table.detach(A, 1)
    table.end(B, Outcome.COMPLETED, "")

    table.acknowledge(beat)

    assert said(table.beat(0.0)) == (
        (),
        (Listed(A, 1, is_attached=False),),
        (Over(B, 1, Outcome.COMPLETED, ""),),
    )


def test_an_end_after_another_end_of_the_same_session_outlives_the_first_acknowledgement() -> None:
    table = a_table(a=1)
    table.end(A, Outcome.COMPLETED, "")
    beat = table.beat(0.0)
    table.attach(A, 2)
    table.end(A, Outcome.FAILED, "")

    table.acknowledge(beat)

    assert table.beat(0.0).ended == (Over(A, 2, Outcome.FAILED, ""),)


def test_a_beat_is_bounded_and_the_rest_goes_with_the_next_one() -> None:
    table = SessionTable(3 * MAX_CHANGES)
    for number in range(2 * MAX_CHANGES + 1):
        table.attach(SessionId(f"ses_{number}"), 1)

    sizes = []
    for _ in range(4):
        beat = table.beat(0.0)
        sizes.append(len(beat.attached))
        table.acknowledge(beat)

    assert sizes == [MAX_CHANGES, MAX_CHANGES, 1, 0]


def test_ends_that_nobody_takes_are_bounded_in_memory() -> None:
    table = SessionTable(1)
    for number in range(11 * MAX_CHANGES):
        table.attach(SessionId(f"ses_{number}"), 1)
        table.end(SessionId(f"ses_{number}"), Outcome.COMPLETED, "")

    first = table.beat(0.0).ended[0]

    assert first.session == f"ses_{MAX_CHANGES}"


def test_a_beat_says_how_full_and_how_ready_the_worker_is() -> None:
    beat = a_table(slots=4, a=1).beat(0.25, is_ready=False)

    assert (beat.in_use, beat.load, beat.is_ready) == (1, 0.25, False)
