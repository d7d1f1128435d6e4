"""Rules of a change that was wished, over the facts of a crowd: who was cut heard why, nobody else noticed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.survival.history import Connected, Cut, Echoed, Fact, GaveUp, Refused, Sent

GOING_AWAY = 1012


def untold(facts: Iterable[Fact]) -> list[str]:
    """Connections that ended with anything but 1012, and sessions whose client gave up."""
    return [
        f"{fact.session}: {fact.code}, closed with {fact.close}" if isinstance(fact, Cut) else f"{fact.session} gave up"
        for fact in facts
        if isinstance(fact, GaveUp) or (isinstance(fact, Cut) and fact.close != GOING_AWAY)
    ]


def lost(facts: Iterable[Fact], answered_by: float) -> list[str]:
    """Messages of a connection that was not cut, or that came before others that were answered, without an answer. Those sent
    after `answered_by` may still be on their way."""
    open_messages: dict[str, dict[int, float]] = {}
    found: list[str] = []
    for fact in facts:
        match fact:
            case Connected() | Cut() | GaveUp():
                open_messages[fact.session] = {}  # what was on its way when a connection was cut may be lost
            case Sent():
                open_messages.setdefault(fact.session, {})[fact.number] = fact.at
            case Echoed():
                waiting = open_messages.setdefault(fact.session, {})
                waiting.pop(fact.number, None)
                found += [f"{fact.session}: {number}" for number in waiting if number < fact.number]
            case _:
                pass
    late = {
        f"{session}: {number}"
        for session, messages in open_messages.items()
        for number, at in messages.items()
        if at <= answered_by
    }
    return sorted({*found, *late})


def moves(facts: Iterable[Fact]) -> list[tuple[str, str, str]]:
    """(session, worker before, worker after), each time another one answered."""
    workers: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for fact in facts:
        if isinstance(fact, Echoed):
            before = workers.get(fact.session, fact.worker)
            if before != fact.worker:
                found.append((fact.session, before, fact.worker))
            workers[fact.session] = fact.worker
    return found


def homes(facts: Iterable[Fact]) -> dict[str, str]:
    """Session -> the worker that answered last."""
    return {fact.session: fact.worker for fact in facts if isinstance(fact, Echoed)}


def figures(facts: Iterable[Fact]) -> str:
    """What it was, for a person."""
    seen = list(facts)
    kinds = Counter(type(fact).__name__ for fact in seen)
    closes = Counter(fact.close for fact in seen if isinstance(fact, Cut))
    refused = Counter(fact.code for fact in seen if isinstance(fact, Refused))
    longest = _longest_silence(seen)
    return (
        f"{kinds['Echoed']} echoes, cuts by close code {dict(closes)}, refusals {dict(refused)}, "
        f"{kinds['GaveUp']} gave up, longest wait for an answer {longest:.1f} s"
    )


def _longest_silence(facts: Iterable[Fact]) -> float:
    last: dict[str, float] = {}
    longest = 0.0
    for fact in facts:
        if isinstance(fact, Echoed):
            longest = max(longest, fact.at - last.get(fact.session, fact.at))
            last[fact.session] = fact.at
    return longest
