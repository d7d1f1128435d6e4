"""Events: whose they are, how old, and the last hour's warnings as a few lines."""

from __future__ import annotations

from collections.abc import Iterable

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Document, Seen, name, seconds, short

HOUR = 3600.0
MOST = 8  # groups that are shown


def at(event: Document) -> float:
    """When it was seen last; 0 where it does not say."""
    series = event.get("series") or {}
    said = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
    )
    return next((found for found in map(seconds, said) if found is not None), 0.0)


def times(event: Document) -> int:
    """How often it was seen."""
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def newest_first(events: Iterable[Document]) -> list[Document]:
    """By when each was seen last."""
    return sorted(events, key=at, reverse=True)


def of_object(seen: Seen, name: str) -> list[Document]:
    """Those about the object of that name, the newest first."""
    return newest_first(each for each in seen.all("events") if about(each).get("name") == name)


def about(event: Document) -> Document:
    """The object: kind and name."""
    return event.get("involvedObject") or event.get("regarding") or {}


def warnings(seen: Seen) -> list[Finding]:
    """Of the last hour, about the release's objects: one line for each reason and kind, the most frequent first."""
    own = _names(seen)
    groups: dict[tuple[str, str], list[Document]] = {}
    for event in newest_first(seen.all("events")):
        if event.get("type") == "Warning" and seen.now - at(event) <= HOUR and _is_own(about(event), own):
            groups.setdefault((str(event.get("reason")), str(about(event).get("kind"))), []).append(event)
    ranked = sorted(groups.items(), key=lambda group: -sum(map(times, group[1])))
    found = [_group(reason, kind, events) for (reason, kind), events in ranked[:MOST]]
    if len(ranked) > MOST:
        found.append(
            Finding("events", Grade.NOTE, f"{len(ranked) - MOST} more kinds of warnings", "`kubectl get events`")
        )
    return found


def _group(reason: str, kind: str, events: list[Document]) -> Finding:
    newest = events[0]
    objects = sorted({str(about(each).get("name")) for each in events})
    whom = f"{kind} {objects[0]}" + (f" and {len(objects) - 1} more" if len(objects) > 1 else "")
    count = sum(map(times, events))
    sentence = f"{reason} {count} x in the last hour, {whom}: {short(newest.get('message') or newest.get('note'))}"
    return Finding("events", Grade.WARN, sentence)


def _names(seen: Seen) -> frozenset[str]:
    return frozenset(name(each) for plural, documents in seen.lists.items() if plural != "events" for each in documents)


def _is_own(thing: Document, own: frozenset[str]) -> bool:
    """Also of a pod that is gone: its name begins with that of its workload."""
    said = str(thing.get("name", ""))
    return said in own or any(said.startswith(f"{each}-") for each in own)
