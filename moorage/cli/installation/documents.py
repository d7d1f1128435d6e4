"""What was read of one release, and how a document of the API is read: plain JSON, of which any field may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
CHART = "helm.sh/chart"
POOL = "moorage.dev/pool"
REGION = "moorage.dev/region"
SCALING = "moorage.dev/scaling"  # annotation: builtin, keda, hpa or fixed

LONG = 240  # characters of a message of somebody else


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry knows of one worker, over REST. `pod`: the uid that it gave, if any."""

    name: str
    pool: str
    status: str
    pod: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at one release.

    `lists`: plural of a kind -> its documents; a kind that may not be read is not in there, but in `unread` with the reason.
    `logs`: name of a pod -> the last lines of it. `certificates`: name of a Secret -> the PEM chain in it, never its key.
    `registry`: None where nobody gave an address of the REST API, or it did not answer.
    """

    release: str
    namespace: str
    now: float
    lists: Mapping[str, tuple[Document, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    registry: tuple[Registered, ...] | None = None

    def all(self, *plurals: str) -> tuple[Document, ...]:
        """Documents of these kinds; none of a kind that could not be read."""
        return tuple(each for plural in plurals for each in self.lists.get(plural, ()))

    def owned(self, uid: str, plural: str) -> tuple[Document, ...]:
        """Those of a kind that name this uid as their owner."""
        return tuple(each for each in self.all(plural) if uid in owners(each))


def name(document: Document) -> str:
    """Of its metadata."""
    return str(document["metadata"]["name"])


def uid(document: Document) -> str:
    """Of its metadata."""
    return str(document["metadata"].get("uid", ""))


def label(document: Document, key: str) -> str:
    """ "" where it has none."""
    return str((document["metadata"].get("labels") or {}).get(key, ""))


def annotation(document: Document, key: str) -> str:
    """ "" where it has none."""
    return str((document["metadata"].get("annotations") or {}).get(key, ""))


def owners(document: Document) -> frozenset[str]:
    """Their uids."""
    return frozenset(str(each.get("uid")) for each in document["metadata"].get("ownerReferences") or ())


def spec(document: Document) -> Document:
    """Empty where there is none."""
    return document.get("spec") or {}


def status(document: Document) -> Document:
    """Empty where there is none."""
    return document.get("status") or {}


def condition(document: Document, kind: str) -> Document:
    """The one of that type; empty where there is none."""
    found = (each for each in status(document).get("conditions") or () if each.get("type") == kind)
    return next(found, {})


def is_true(document: Document, kind: str) -> bool:
    """Whether the condition of that type is."""
    return condition(document, kind).get("status") == "True"


def seconds(said: str | None) -> float | None:
    """Of a timestamp, since 1970.

    >>> seconds("1970-01-01T00:01:00Z")
    60.0
    """
    return datetime.fromisoformat(said).timestamp() if said else None


def age(document: Document, now: float) -> float:
    """Seconds since it was made."""
    made = seconds(document["metadata"].get("creationTimestamp"))
    return now - made if made is not None else 0.0


def short(message: object) -> str:
    """One line of somebody else's words.

    >>> short(" a\\n  b.")
    'a b'
    """
    line = " ".join(str(message or "").split()).rstrip(".")
    return line if len(line) <= LONG else f"{line[:LONG]}…"


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more.

    >>> listed(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
