"""The checker passes a clean history, and finds each planted fault: by its rule, at its subject."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.survival.checker import check, summary
from tests.survival.history import (
    Aboard,
    Connected,
    Created,
    Cut,
    Echoed,
    EventSeen,
    GaveUp,
    Healed,
    History,
    Injected,
    Left,
    Paused,
    Refused,
    Sent,
    SessionSeen,
    WorkerSeen,
    read_facts,
    read_history,
    write_history,
)
from tests.survival.stories import ADA, BOB, END, EVE, an_end, found, with_facts, with_final, without
from tests.survival.verdicts import Rule


def test_a_clean_history_passes(clean: History) -> None:
    assert check(clean) == []


def test_a_history_survives_its_file(clean: History, tmp_path: Path) -> None:
    write_history(tmp_path / "history.jsonl", clean)

    assert read_history(tmp_path / "history.jsonl") == clean


def test_a_line_that_its_killed_writer_did_not_finish_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "one").write_text('{"fact":"Left","at":2.0,"session":"a"}\n{"fact":"Left","at":3.0,"ses')
    (tmp_path / "two").write_text('{"fact":"Created","at":1.0,"session":"a"}\n')

    assert read_facts([tmp_path / "one", tmp_path / "two"]) == (Created(1.0, "a"), Left(2.0, "a"))


def test_a_lost_end_record(clean: History) -> None:
    assert found(with_final(clean, ends=(), stream_ends=())) == {(Rule.ONE_END, ADA)}


def test_a_doubled_end_record(clean: History) -> None:
    assert found(with_final(clean, ends=(an_end(ADA), an_end(ADA)))) == {(Rule.ONE_END, ADA)}


def test_an_end_that_was_in_the_stream_twice(clean: History) -> None:
    events = (*clean.final.events, EventSeen("8", "session.ended", ADA, 3))

    assert found(with_final(clean, events=events)) == {(Rule.ONE_END, ADA), (Rule.EVENT_ORDER, ADA)}


def test_an_end_record_of_a_session_that_lives(clean: History) -> None:
    bob = replace(an_end(BOB, messages=96), is_estimated=True)

    assert found(with_final(clean, ends=(an_end(ADA), bob))) == {(Rule.ONE_END, BOB)}


def test_a_session_that_vanished(clean: History) -> None:
    workers = (replace(clean.final.workers[0], held=1), clean.final.workers[1])
    sessions = (SessionSeen(EVE, "held", "worker-1"),)

    assert found(with_final(clean, workers=workers, sessions=sessions)) == {(Rule.ONE_END, BOB)}


def test_a_claim_whose_client_left_long_ago(clean: History) -> None:
    workers = (replace(clean.final.workers[0], held=2, suspended=1), clean.final.workers[1])
    sessions = (*clean.final.sessions, SessionSeen(ADA, "suspended", "worker-1"))

    history = with_final(clean, workers=workers, sessions=sessions, ends=(), stream_ends=())

    assert found(history) == {(Rule.ONE_END, ADA)}


def test_a_client_that_ended_what_it_never_left(clean: History) -> None:
    failed = replace(an_end(ADA), outcome="FAILED", reason="closed by the client with 1011")

    assert found(with_final(clean, ends=(failed,))) == {(Rule.ONE_END, ADA)}
    assert found(without(clean, lambda fact: isinstance(fact, Left))) >= {(Rule.ONE_END, ADA)}


def test_a_slot_that_is_used_by_nobody(clean: History) -> None:
    workers = (replace(clean.final.workers[0], suspended=1), clean.final.workers[1])

    assert found(with_final(clean, workers=workers)) == {(Rule.SLOTS, "worker-1")}


def test_a_live_session_on_a_worker_that_the_store_does_not_show(clean: History) -> None:
    history = with_final(clean, workers=clean.final.workers[1:])

    assert found(history) == {(Rule.SLOTS, BOB), (Rule.SLOTS, EVE)}


def test_a_double_grant_in_the_books(clean: History) -> None:
    history = with_final(clean, workers=(WorkerSeen("worker-1", 1, "serving", held=2), clean.final.workers[1]))

    assert found(history) == {(Rule.OVER_GRANT, "worker-1")}


def test_a_double_grant_that_only_the_worker_saw(clean: History) -> None:
    assert found(replace(clean, slots={"worker-1": 2, "worker-2": 3})) == {(Rule.OVER_GRANT, "worker-1")}


def test_a_double_grant_that_lasts_until_the_end(clean: History) -> None:
    facts = [Aboard(90.0, f"ses_{number}", "worker-2", True) for number in range(4)]

    assert found(with_facts(clean, *facts)) == {(Rule.OVER_GRANT, "worker-2")}


def test_a_moment_of_overlap_is_no_double_grant(clean: History) -> None:
    facts = [Aboard(50.0, f"ses_{number}", "worker-2", True) for number in range(4)]

    assert found(with_facts(clean, *facts, Aboard(51.0, "ses_0", "worker-2", None))) == set()


def test_a_worker_that_was_killed_holds_nobody(clean: History) -> None:
    facts = [Aboard(50.0, f"ses_{number}", "worker-2", True) for number in range(4)]

    assert found(with_facts(clean, *facts, Injected(51.0, "killed", "worker-2"))) == set()


def test_a_stuck_client_in_the_middle(clean: History) -> None:
    history = without(clean, lambda fact: isinstance(fact, Sent | Echoed) and fact.session == EVE and 30 < fact.at < 50)
    history = with_facts(history, Sent(30.5, EVE, 30, 4))

    assert found(history) == {(Rule.STUCK, EVE)}


def test_a_client_that_is_stuck_at_the_end(clean: History) -> None:
    history = without(clean, lambda fact: isinstance(fact, Echoed) and fact.session == EVE and fact.at > END - 20)

    assert found(history) == {(Rule.STUCK, EVE)}


def test_a_client_that_is_neither_back_nor_told(clean: History) -> None:
    history = without(clean, lambda fact: getattr(fact, "session", "") == BOB and fact.at > 20.6)
    workers = (replace(clean.final.workers[0], held=1), clean.final.workers[1])
    history = with_final(history, sessions=(SessionSeen(EVE, "held", "worker-1"),), workers=workers)

    assert (Rule.STUCK, BOB) in found(history)


def test_a_client_waits_while_its_own_gateway_stands_still(clean: History) -> None:
    history = without(clean, lambda fact: isinstance(fact, Sent | Echoed) and fact.session == EVE and 30 < fact.at < 60)
    history = with_facts(history, Sent(30.5, EVE, 30, 4))

    excused = with_facts(history, Injected(30.2, "stopped", "gateway-2"), Healed(60.1, "stopped", "gateway-2"))
    not_excused = with_facts(history, Injected(30.2, "stopped", "gateway-1"), Healed(60.1, "stopped", "gateway-1"))

    assert found(excused) == set()
    assert found(not_excused) == {(Rule.STUCK, EVE)}


def test_a_machine_that_stands_still_is_nobodys_fault(clean: History) -> None:
    history = without(clean, lambda fact: isinstance(fact, Sent | Echoed) and 30 < fact.at < 60)
    history = with_facts(history, Sent(30.5, EVE, 30, 4), Cut(60.2, BOB, "WORKER_LOST"))
    history = with_facts(history, Connected(60.4, BOB, 3, "gateway-2"))

    assert {(Rule.STUCK, EVE), (Rule.CUT, BOB)} <= found(history)
    assert found(with_facts(history, Paused(60.0, 29.0))) == set()


def test_a_message_that_waits_for_a_connection_is_not_on_its_way(clean: History) -> None:
    late = without(clean, lambda fact: isinstance(fact, Connected | Sent | Echoed) and 20.6 < fact.at < 45.0)
    late = with_facts(late, Sent(20.7, BOB, 19, 4), Connected(44.5, BOB, 2, "gateway-2"))

    assert found(with_facts(late, Echoed(44.6, BOB, 19, "worker-1", 4))) == set()
    assert found(without(late, lambda fact: isinstance(fact, Echoed) and fact.session == BOB and fact.at > 44)) == {
        (Rule.STUCK, BOB)
    }


def test_an_event_out_of_order(clean: History) -> None:
    events = list(clean.final.events)
    events[5], events[6] = events[6], events[5]

    assert found(with_final(clean, events=tuple(events))) == {(Rule.EVENT_ORDER, BOB)}


def test_a_lost_event(clean: History) -> None:
    events = tuple(event for event in clean.final.events if event.type != "session.suspended")

    assert found(with_final(clean, events=events)) == {(Rule.EVENT_ORDER, BOB)}


def test_a_lost_first_event(clean: History) -> None:
    events = tuple(event for event in clean.final.events if event.session != EVE or event.seq > 1)

    history = with_final(clean, events=(*events, EventSeen("8", "session.suspended", EVE, 2)))

    assert found(history) == {(Rule.EVENT_ORDER, EVE)}


def test_a_new_era_of_the_store_may_begin_anywhere(clean: History) -> None:
    events = (*clean.final.events, EventSeen("1", "session.suspended", BOB, 1, era=1))

    assert found(with_final(clean, events=events)) == set()


def test_a_session_cut_in_an_outage_of_the_store(clean: History) -> None:
    assert found(
        with_facts(clean, Cut(65.0, EVE, "STORE_UNAVAILABLE", 4504), Connected(65.2, EVE, 2, "gateway-2"))
    ) == {(Rule.CUT, EVE)}


def test_a_cut_between_a_gateway_and_its_store_is_no_cause(clean: History) -> None:
    history = with_facts(
        clean,
        Injected(64.0, "cut", "gateway-2:store"),
        Cut(65.0, EVE, "WORKER_LOST", 4502),
        Connected(65.2, EVE, 2, "gateway-2"),
        Healed(66.0, "cut", "gateway-2:store"),
    )

    assert found(history) == {(Rule.CUT, EVE)}


def test_a_worker_whose_links_are_cut_may_lose_its_sessions(clean: History) -> None:
    history = with_facts(
        clean,
        Injected(84.0, "cut", "worker-1:link"),
        Cut(90.0, EVE, "WORKER_LOST", 4502),
        Connected(90.2, EVE, 2, "gateway-2"),
        Healed(91.0, "cut", "worker-1:link"),
    )

    assert found(history) == set()


def test_a_session_cut_by_somebody_elses_death(clean: History) -> None:
    history = with_facts(clean, Cut(20.2, EVE, "WORKER_LOST"), Connected(20.4, EVE, 2, "gateway-2"))

    assert found(history) == {(Rule.CUT, EVE)}


def test_a_client_that_gave_up_although_nothing_was_wrong(clean: History) -> None:
    calm = without(clean, lambda fact: isinstance(fact, Injected | Healed) and fact.at > 50)

    assert (Rule.CUT, EVE) in found(with_facts(calm, GaveUp(95.0, EVE, "SESSION_ENDED")))


@pytest.mark.parametrize("code", ["INTERNAL", "PROTOCOL_ERROR", "", "418"])
def test_a_refusal_without_a_type(clean: History, code: str) -> None:
    assert found(with_facts(clean, Refused(20.4, BOB, code))) == {(Rule.TYPED, BOB)}


def test_no_gateway_is_reached_although_all_are_well(clean: History) -> None:
    history = with_facts(clean, Refused(1.2, EVE, "WEBSOCKET_CONNECTION_FAILED"))

    assert found(history) == {(Rule.TYPED, EVE)}


def test_a_socket_whose_worker_is_gone(clean: History) -> None:
    history = with_facts(clean, Aboard(99.8, EVE, "worker-1", None, heard=98))

    assert found(history) == {(Rule.SOCKET, EVE)}


def test_a_socket_whose_worker_was_killed(clean: History) -> None:
    history = with_facts(clean, Injected(99.9, "killed", "worker-1"))

    assert found(history) == {(Rule.SOCKET, BOB), (Rule.SOCKET, EVE)}


def test_the_summary_counts(clean: History) -> None:
    history = with_final(clean, workers=(WorkerSeen("worker-1", 1, "serving", held=2), clean.final.workers[1]))

    said = summary(history, check(history))

    assert (said.faults, said.sessions, said.end_records, said.over_grants, said.stuck_clients) == (2, 3, 1, 1, 0)
    assert str(said).startswith("seed 7: 2 faults (1 killed, 1 stopped); 3 sessions, 4 attaches, ")
