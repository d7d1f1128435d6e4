"""What is kept of a decision: the inputs it had, what was decided, and what came of it. JSON; docs/autoscaler.md lists it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import msgspec

from autoscaler.decision import Decision, Removal
from autoscaler.observation import Observation
from moorage.ids import WorkerId
from scheduler.values import DecisionRecord

MOST_BYTES = 60_000  # of a document; the store takes 65,536
_LISTED = 100  # of workers that changed; more are a number
_CUTS = (
    (50, 200),
    (20, 100),
    (5, 40),
)  # where a hundred rules fail at once: so many of each list, so many characters of each text


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a decision. Workers are those for which the store said yes, `replicas` is None where it was not written."""

    replicas: int | None = None
    uncordoned: tuple[WorkerId, ...] = ()
    cordoned: tuple[WorkerId, ...] = ()
    retired: tuple[WorkerId, ...] = ()
    removed: tuple[Removal, ...] = ()
    conflicts: int = 0  # somebody else had moved the replicas
    retry_after: float | None = None  # nothing should be written for so long, says the target
    troubles: tuple[str, ...] = ()  # one sentence for each step that did not work

    @property
    def is_change(self) -> bool:
        """Whether anything was written."""
        return bool(self.replicas is not None or self.uncordoned or self.cordoned or self.retired or self.removed)


def record_of(seen: Observation, decision: Decision, carried: Carried) -> DecisionRecord:
    """Of one look at a pool."""
    document = {**_plain(decision), "inputs": _inputs(seen, decision.at), "done": _plain(carried)}
    return DecisionRecord(decision.region, decision.pool, decision.at, carried.is_change, _bounded(document))


def _bounded(document: dict[str, Any]) -> bytes:
    """A record with less in it is better than a look that fails for want of one."""
    encoded = msgspec.json.encode(document)
    for listed, characters in _CUTS:
        if len(encoded) <= MOST_BYTES:
            break
        encoded = msgspec.json.encode(_cut(msgspec.to_builtins(document), listed, characters))
    return encoded


def _cut(value: Any, listed: int, characters: int) -> Any:
    match value:
        case str():
            return value[:characters]
        case list() | tuple():
            return [_cut(each, listed, characters) for each in value[:listed]]
        case dict():
            return {
                name: dict(islice(part.items(), listed)) if name == "samples" else part
                for name, part in ((name, _cut(part, listed, characters)) for name, part in value.items())
            }
        case _:
            return value


def _inputs(seen: Observation, now: float) -> dict[str, Any]:
    """Without the lists of workers and members: their numbers are in the decision."""
    target = seen.target
    return {
        "registry": seen.workers is not None,
        "workers": None if seen.workers is None else len(seen.workers),
        "used_slots": None if seen.workers is None else sum(worker.used for worker in seen.workers),
        "waiting": seen.waiting,
        "replicas": None if target is None else target.replicas,
        "members": None if target is None else len(target.members),
        "problems": [] if target is None else [_plain(problem) for problem in target.problems],
        "samples": {
            name: {**_plain(sample), "age_seconds": round(max(0.0, now - sample.at), 3) if sample.at else None}
            for name, sample in islice(seen.samples.items(), _LISTED)
        },
        "requests": [request.id for request in seen.requests[:_LISTED]],
    }


def _plain(value: Any) -> dict[str, Any]:
    return {field.name: _short(getattr(value, field.name)) for field in fields(value)}


def _short(value: object) -> object:
    return value[:_LISTED] if isinstance(value, tuple) else value
