"""Rules of what clients live through: nobody is stuck, nobody is cut without a cause, and every no has a type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from moorage.errors import Code
from tests.survival.faults import Harm, harms
from tests.survival.history import (
    Aboard,
    ClientFact,
    Connected,
    Created,
    Cut,
    Echoed,
    GaveUp,
    History,
    Injected,
    Left,
    Refused,
    Sent,
)
from tests.survival.verdicts import TYPES_OF_OURS, Bounds, Rule, Violation


@dataclass(slots=True)
class _Client:
    """One session's client, as its facts go by."""

    gateway: str = ""
    worker: str = ""
    is_open: bool = False
    echoed: int = 0
    unanswered: dict[int, float] = field(default_factory=dict)  # message -> when it was sent
    away_since: float | None = None  # tries to connect
    waiting: int | None = None  # a message that goes out with the next connection

    def take(self, fact: ClientFact) -> None:
        """What follows from one fact."""
        match fact:
            case Created():
                pass
            case Connected():
                self.gateway, self.is_open, self.away_since = fact.gateway, True, None
                self.unanswered = {} if self.waiting is None else {self.waiting: fact.at}
                self.waiting = None
            case Sent() if self.is_open:
                self.unanswered[fact.number] = fact.at
            case Sent():
                self.waiting = fact.number
            case Echoed():
                self.worker = fact.worker
                for number in [each for each in self.unanswered if each <= fact.number]:
                    del self.unanswered[number]
            case Cut():
                self.is_open, self.away_since = False, fact.at
                self.unanswered.clear()  # what was on its way is lost
            case GaveUp() | Left():
                self.is_open, self.away_since = False, None
                self.unanswered.clear()
            case _:
                pass


def _walk(history: History) -> Iterator[tuple[ClientFact, _Client]]:
    """Each fact of a client with how the client stood before it."""
    clients: dict[str, _Client] = defaultdict(_Client)
    for fact in history.facts:
        if isinstance(fact, Created | Connected | Sent | Echoed | Cut | Refused | GaveUp | Left):
            yield fact, clients[fact.session]
            clients[fact.session].take(fact)


def _last(history: History) -> dict[str, _Client]:
    clients: dict[str, _Client] = {}
    for fact, client in _walk(history):
        if not isinstance(fact, Created | Refused):
            clients[fact.session] = client
    return clients


def nobody_is_stuck(history: History, bounds: Bounds) -> Iterator[Violation]:
    """A message is answered or its connection closed in time, and who was cut is back or has given up in time. Time in which
    the client's own gateway stood still does not count."""
    faults = harms(history)
    told: set[str] = set()
    for fact, client in _walk(history):
        if fact.session not in told and (said := _stuck(client, fact.at, faults, bounds)):
            told.add(fact.session)
            yield Violation(Rule.STUCK, fact.session, said)
    for session, client in _last(history).items():
        if session not in told and (said := _stuck(client, history.final.at, faults, bounds)):
            yield Violation(Rule.STUCK, session, said)


def _stuck(client: _Client, now: float, faults: list[Harm], bounds: Bounds) -> str:
    since = min(client.unanswered.values(), default=now)
    still = sum(harm.overlap(since, now) for harm in faults if harm.stands_still(client.gateway))
    if now - since - still > bounds.answer:
        return f"sent at {since:.3f} through {client.gateway} to {client.worker}, and heard nothing for {now - since:.1f} s"
    if client.away_since is not None and now - client.away_since > bounds.resume + bounds.answer:
        return f"cut at {client.away_since:.3f}, and neither back nor told for {now - client.away_since:.1f} s"
    return ""


def nobody_is_cut_without_a_cause(history: History, bounds: Bounds) -> Iterator[Violation]:
    """The loss of their own gateway or worker is one, or of that worker's links. The store's absence is none, nor is anybody's
    wrong clock."""
    faults = harms(history)
    for fact, client in _walk(history):
        if isinstance(fact, Cut) and not _is_explained(client, fact.at, faults, bounds):
            said = (
                f"{fact.code} ({fact.close}) at {fact.at:.3f} on {client.gateway} and {client.worker}, which were well"
            )
            yield Violation(Rule.CUT, fact.session, said)
        if isinstance(fact, GaveUp) and not any(harm.is_near(fact.at, bounds.resume + bounds.reach) for harm in faults):
            yield Violation(Rule.CUT, fact.session, f"gave up at {fact.at:.3f} with {fact.code}, and nothing was wrong")


def _is_explained(client: _Client, at: float, faults: list[Harm], bounds: Bounds) -> bool:
    mine = (client.gateway, client.worker)
    return any(harm.cuts(mine) and harm.is_near(at, bounds.reach) for harm in faults)


def every_refusal_has_a_type(history: History, bounds: Bounds) -> Iterator[Violation]:
    """A code of the catalogue that is no bug's. What could not be reached at all was killed, stopped or cut."""
    faults = harms(history)
    for fact in history.facts:
        if not isinstance(fact, Refused | Cut | GaveUp):
            continue
        if fact.code not in Code.__members__ or fact.code in TYPES_OF_OURS:
            yield Violation(Rule.TYPED, fact.session, f"heard {fact.code} at {fact.at:.3f}")
        elif fact.code == Code.WEBSOCKET_CONNECTION_FAILED.value and not _is_gateway_away(faults, fact.at, bounds):
            yield Violation(Rule.TYPED, fact.session, f"reached no gateway at {fact.at:.3f}, and all were well")


def _is_gateway_away(faults: list[Harm], at: float, bounds: Bounds) -> bool:
    return any(harm.is_of("gateway") and harm.is_near(at, bounds.reach) for harm in faults)


def every_open_socket_has_its_worker(history: History, bounds: Bounds) -> Iterator[Violation]:
    """At the end: whoever is connected is on the list of the worker that answered last."""
    aboard: dict[tuple[str, str], bool | None] = {}
    for fact in history.facts:
        if isinstance(fact, Aboard):
            aboard[fact.session, fact.worker] = fact.is_attached
        elif isinstance(fact, Injected) and fact.fault == "killed":
            aboard = {key: value for key, value in aboard.items() if key[1] != fact.target}
    for session, client in _last(history).items():
        if client.is_open and client.worker and not aboard.get((session, client.worker)):
            said = f"its client is connected through {client.gateway}, and {client.worker} does not have it"
            yield Violation(Rule.SOCKET, session, said)


RULES = (
    nobody_is_stuck,
    nobody_is_cut_without_a_cause,
    every_refusal_has_a_type,
    every_open_socket_has_its_worker,
)
