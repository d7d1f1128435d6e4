"""A history as it should be, for planting faults into: three sessions, one of which loses its gateway and goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.survival.checker import check
from tests.survival.history import (
    Aboard,
    Connected,
    Created,
    Cut,
    Echoed,
    EndSeen,
    EventSeen,
    Fact,
    Final,
    Healed,
    History,
    Injected,
    Left,
    Refused,
    Sent,
    SessionSeen,
    WorkerSeen,
)
from tests.survival.verdicts import Rule

ADA, BOB, EVE = "ses_ada", "ses_bob", "ses_eve"
SIZE = 4
END = 100.0


def a_clean_history() -> History:
    """Ada left and has ended, Bob lost gateway-1 and is live, Eve is live; all on worker-1 of two."""
    facts = sorted([*_ada(), *_bob(), *_eve(), *_harm()], key=lambda fact: fact.at)
    final = Final(
        at=END,
        workers=(WorkerSeen("worker-1", 3, "serving", held=2), WorkerSeen("worker-2", 3, "serving")),
        sessions=(SessionSeen(BOB, "held", "worker-1"), SessionSeen(EVE, "held", "worker-1")),
        events=_events(),
        ends=(an_end(ADA),),
        stream_ends=(an_end(ADA),),
    )
    return History(tuple(facts), final, seed=7, slots={"worker-1": 3, "worker-2": 3})


def an_end(session: str, messages: int = 3) -> EndSeen:
    """Of a session that carried so many messages."""
    bytes_in, bytes_out = messages * (SIZE + 6) + 8, messages * (SIZE + 2) + 4
    return EndSeen(
        session, "COMPLETED", None, "closed by the client", "client", messages, messages, bytes_in, bytes_out
    )


def without(history: History, leaves_out: Callable[[Fact], bool]) -> History:
    """Less some facts."""
    return replace(history, facts=tuple(fact for fact in history.facts if not leaves_out(fact)))


def with_facts(history: History, *facts: Fact) -> History:
    """With some facts more."""
    return replace(history, facts=tuple(sorted((*history.facts, *facts), key=lambda fact: fact.at)))


def with_final(history: History, **changes: Any) -> History:
    """With another end."""
    return replace(history, final=replace(history.final, **changes))


def _talk(session: str, since: float, until: float, first: int = 1, worker: str = "worker-1") -> list[Fact]:
    """A message a second, answered within a tenth."""
    facts: list[Fact] = []
    for number in range(first, first + round(until - since)):
        at = since + number - first
        facts += [Sent(at, session, number, SIZE), Echoed(at + 0.1, session, number, worker, SIZE)]
    return facts


def _ada() -> list[Fact]:
    return [
        Created(1.0, ADA),
        Connected(1.5, ADA, 1, "gateway-1"),
        Aboard(1.6, ADA, "worker-1", True),
        *_talk(ADA, 2.0, 5.0),
        Left(5.5, ADA),
        Aboard(5.6, ADA, "worker-1", None, heard=3),
    ]


def _bob() -> list[Fact]:
    return [
        Created(1.0, BOB),
        Connected(1.4, BOB, 1, "gateway-1"),
        Aboard(1.5, BOB, "worker-1", True),
        *_talk(BOB, 2.0, 20.0),
        Cut(20.1, BOB, "WORKER_LOST"),
        Aboard(20.1, BOB, "worker-1", False, heard=18),
        Refused(20.5, BOB, "WEBSOCKET_CONNECTION_FAILED"),
        Connected(21.0, BOB, 2, "gateway-2"),
        Aboard(21.0, BOB, "worker-1", True, heard=18),
        *_talk(BOB, 22.0, END, first=19),
    ]


def _eve() -> list[Fact]:
    return [
        Created(1.0, EVE),
        Connected(1.4, EVE, 1, "gateway-2"),
        Aboard(1.5, EVE, "worker-1", True),
        *_talk(EVE, 2.0, END),
    ]


def _harm() -> list[Fact]:
    """A gateway that is killed and comes back, and an outage of the store that nobody notices."""
    return [
        Injected(20.0, "killed", "gateway-1"),
        Healed(23.0, "killed", "gateway-1"),
        Injected(60.0, "stopped", "store"),
        Healed(70.0, "stopped", "store"),
    ]


def _events() -> tuple[EventSeen, ...]:
    return (
        EventSeen("1", "worker.joined", "", 0),
        EventSeen("2", "session.started", ADA, 1),
        EventSeen("3", "session.started", BOB, 1),
        EventSeen("4", "session.started", EVE, 1),
        EventSeen("5", "session.ended", ADA, 2),
        EventSeen("6", "session.suspended", BOB, 2),
        EventSeen("7", "session.resumed", BOB, 3),
    )


def found(history: History) -> set[tuple[Rule, str]]:
    """What is wrong, and with whom."""
    return {(violation.rule, violation.subject) for violation in check(history)}
