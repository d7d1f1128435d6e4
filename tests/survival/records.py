"""Rules of end records and events: one end for each session, in order, with what was carried."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from tests.survival.history import Aboard, Connected, Echoed, EndSeen, EventSeen, GaveUp, History, Injected, Left, Sent
from tests.survival.untold import untold
from tests.survival.verdicts import Bounds, Rule, Violation

CLIENT_HEADER = 6  # bytes before a client's message under 126 bytes: RFC 6455 section 5.2, with the mask
WORKER_HEADER = 2
CONTROL_BYTES = 200  # an attach's pings, pongs and close, one direction


def every_session_that_started_is_live_or_has_one_end(history: History, bounds: Bounds) -> Iterator[Violation]:
    """Rows say what ended, the store says what lives, and the stream must not have said it twice."""
    started = {fact.session: fact.at for fact in history.facts if isinstance(fact, Connected)}
    ends = Counter(end.session for end in history.final.ends)
    live = {seen.session for seen in history.final.sessions}
    forgotten = untold(history)
    for session in started:
        count = ends[session]
        if count == 0 and session not in live and session not in forgotten:
            yield Violation(Rule.ONE_END, session, "is neither live nor has it an end record")
        if count > 1:
            yield Violation(Rule.ONE_END, session, f"has {count} end records")
        if count and session in live:
            yield Violation(Rule.ONE_END, session, "has an end record and is live")
    for (session, _), count in _ended_events(history).items():
        if count > 1:
            yield Violation(Rule.ONE_END, session, f"its end was in the stream {count} times")


def whoever_left_has_ended(history: History, bounds: Bounds) -> Iterator[Violation]:
    """A client that closed in order, or gave up, leaves no claim behind once its time to resume is over."""
    live = {seen.session for seen in history.final.sessions}
    for fact in history.facts:
        ago = history.final.at - fact.at
        if isinstance(fact, Left | GaveUp) and fact.session in live and ago > bounds.resume + bounds.reach:
            yield Violation(Rule.ONE_END, fact.session, f"its client left {ago:.0f} s ago, and it is live")


def clients_end_only_what_they_left(history: History, bounds: Bounds) -> Iterator[Violation]:
    """These clients never fail: a session that ends by its client was closed in order, or given up."""
    left = {fact.session for fact in history.facts if isinstance(fact, Left | GaveUp)}
    gave_up = {fact.session for fact in history.facts if isinstance(fact, GaveUp)}
    for end in history.final.ends:
        if end.by == "client" and (end.session not in left - gave_up or end.outcome != "COMPLETED"):
            yield Violation(
                Rule.ONE_END, end.session, f"{end.outcome} by its client, who wished nothing of it: {end.reason}"
            )


def events_come_in_order(history: History, bounds: Bounds) -> Iterator[Violation]:
    """In each era of the store: numbers rise by one, and nothing follows the end."""
    last: dict[tuple[str, int], EventSeen] = {}
    for event in history.final.events:
        if not event.session:
            continue
        before = last.get((event.session, event.era))
        last[event.session, event.era] = event
        if before is None:
            if event.era == 0 and event.seq != 1:
                yield Violation(Rule.EVENT_ORDER, event.session, f"begins with {event.type} as number {event.seq}")
            continue
        if before.type == "session.ended":
            yield Violation(Rule.EVENT_ORDER, event.session, f"{event.type} (number {event.seq}) came after its end")
        if event.seq != before.seq + 1:
            said = f"{event.type} is number {event.seq} after {before.type}, number {before.seq}"
            yield Violation(Rule.EVENT_ORDER, event.session, said)


@dataclass(slots=True)
class _Carried:
    sent: int = 0
    echoed: int = 0
    sent_bytes: int = 0
    echoed_bytes: int = 0
    heard: int = 0  # by workers
    attaches: int = 0


def records_say_what_was_carried(history: History, bounds: Bounds) -> Iterator[Violation]:
    """Between what both ends are sure of and what they may have sent; an estimate may be lower, never higher."""
    carried = _carried(history)
    forgotten = _forgotten(history, bounds)
    for end in history.final.ends:
        if end.session in carried:
            is_low = end.is_estimated or end.session in forgotten
            yield from _usage(end, carried[end.session], is_low=is_low)
    rows = {end.session: end for end in history.final.ends}
    lost = _ended_in_a_lost_store(history)
    for end in history.final.stream_ends:
        row = rows.get(end.session)
        if row is None or end.is_estimated or (row.is_estimated and end.session in lost):
            continue
        if _figures(row) != _figures(end):
            yield Violation(Rule.USAGE, end.session, f"the event says {_figures(end)}, the row {_figures(row)}")


def _forgotten(history: History, bounds: Bounds) -> set[str]:
    """Sessions that lived when the store lost its data, be it suspended: their records may lack what was carried before."""
    found: set[str] = set()
    until: dict[str, float] = {}
    for fact in history.facts:
        if isinstance(fact, Connected):
            until[fact.session] = inf
        elif isinstance(fact, Left | GaveUp) and fact.session in until:
            until[fact.session] = fact.at + bounds.resume
        elif isinstance(fact, Injected) and fact.fault == "flushed":
            found |= {session for session, end in until.items() if end > fact.at}
    return found


def _ended_in_a_lost_store(history: History) -> set[str]:
    """Sessions whose end was in a stream that went with the store's data: perhaps before a control plane had read it, whose row
    is an estimate then."""
    losses = sum(isinstance(fact, Injected) and fact.fault == "flushed" for fact in history.facts)
    return {event.session for event in history.final.events if event.type == "session.ended" and event.era < losses}


def _usage(end: EndSeen, carried: _Carried, *, is_low: bool) -> Iterator[Violation]:
    least_in = 0 if is_low else max(carried.echoed, carried.heard)
    least_out = 0 if is_low else carried.echoed
    if not least_in <= end.messages_in <= carried.sent:
        said = f"{end.messages_in} messages from the client, which are {least_in} to {carried.sent}"
        yield Violation(Rule.USAGE, end.session, said)
    if not least_out <= end.messages_out <= carried.sent:
        said = f"{end.messages_out} messages from the worker, which are {least_out} to {carried.sent}"
        yield Violation(Rule.USAGE, end.session, said)
    if is_low:
        carried = replace(carried, echoed=0, echoed_bytes=0)
    yield from _bytes(end, "from the client", end.bytes_in, CLIENT_HEADER, carried)
    yield from _bytes(end, "from the worker", end.bytes_out, WORKER_HEADER, carried)


def _bytes(end: EndSeen, where: str, seen: int, header: int, carried: _Carried) -> Iterator[Violation]:
    least = carried.echoed_bytes + header * carried.echoed
    most = carried.sent_bytes + header * carried.sent + CONTROL_BYTES * carried.attaches
    if not least <= seen <= most:
        yield Violation(Rule.USAGE, end.session, f"{seen} bytes {where}, which are {least} to {most}")


def _carried(history: History) -> dict[str, _Carried]:
    found: dict[str, _Carried] = defaultdict(_Carried)
    heard: dict[tuple[str, str], Aboard] = {}
    for fact in history.facts:
        match fact:
            case Sent():
                found[fact.session].sent += 1
                found[fact.session].sent_bytes += fact.size
            case Echoed():
                found[fact.session].echoed += 1
                found[fact.session].echoed_bytes += fact.size
            case Connected():
                found[fact.session].attaches += 1
            case Aboard():
                heard[fact.session, fact.worker] = fact  # counts only rise
            case _:
                pass
    for (session, _), fact in heard.items():
        found[session].heard += fact.heard
    return found


def _ended_events(history: History) -> Counter[tuple[str, int]]:
    return Counter((event.session, event.era) for event in history.final.events if event.type == "session.ended")


def _figures(end: EndSeen) -> tuple[int, int, int, int]:
    return end.messages_in, end.messages_out, end.bytes_in, end.bytes_out


RULES = (
    every_session_that_started_is_live_or_has_one_end,
    whoever_left_has_ended,
    clients_end_only_what_they_left,
    events_come_in_order,
    records_say_what_was_carried,
)
