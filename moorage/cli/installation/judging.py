"""All checks over one look, in the order in which an installation would fail."""

from __future__ import annotations

from collections.abc import Iterator

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import (
    certificates,
    disruption,
    events,
    network,
    parts,
    registered,
    rivals,
    volumes,
    workloads,
)
from moorage.cli.installation.documents import Seen, listed

ESSENTIAL = ("deployments", "pods")


def judge(seen: Seen) -> Iterator[Finding]:
    """Every finding of a release that is there."""
    yield from parts.missing(seen)
    yield from workloads.examine(seen)
    yield from volumes.examine(seen)
    yield from registered.examine(seen)
    yield from rivals.examine(seen)
    yield from disruption.examine(seen)
    yield from certificates.examine(seen)
    yield from network.examine(seen)
    yield from events.warnings(seen)
    yield from unread(seen)


def unread(seen: Seen) -> Iterator[Finding]:
    """What could not be looked at, by the reason. Blindness for what matters most is a failure, not a pass."""
    reasons: dict[str, list[str]] = {}
    for plural, why in seen.unread.items():
        reasons.setdefault(why, []).append(plural)
    for why, plurals in reasons.items():
        grade = Grade.FAIL if set(ESSENTIAL) & set(plurals) else Grade.WARN
        advice = f"grant get and list on them in {seen.namespace} (docs/operate.md, Doctor), or ask somebody who may"
        yield Finding("not looked at", grade, f"could not look at {listed(plurals, 20)}: {why}", advice)
