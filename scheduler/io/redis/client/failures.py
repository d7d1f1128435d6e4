"""What can go wrong between us and Redis: a closed set of kinds, and one sentence each that says what to do.

Decides what an error reply means. Every failure a caller sees is `scheduler.store.Unavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scheduler.store import Unavailable


class Kind(StrEnum):
    """The label of the failure metric."""

    CONNECT = "connect"  # refused, unreachable, no such host, TLS
    TIMEOUT = "timeout"
    LOST = "lost"  # the connection broke while the call was in flight
    OVERLOAD = "overload"  # too much in flight
    CLOSED = "closed"
    PROTOCOL = "protocol"
    AUTH = "auth"
    LOADING = "loading"
    READONLY = "readonly"
    MASTERDOWN = "masterdown"
    CLUSTERDOWN = "clusterdown"
    TRYAGAIN = "tryagain"
    MOVED = "moved"
    OOM = "oom"
    NOSCRIPT = "noscript"
    BUSY = "busy"
    DISK = "disk"
    SCHEMA = "schema"  # the data there is of another version
    ERROR = "error"  # anything else, most of all an error in a script


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, for a metric and for a person."""

    kind: Kind
    sentence: str


class StoreFailed(Unavailable):
    """A call to Redis failed; `kind` is the metric's label."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.kind = failure.kind


_REPLIES = {
    "NOAUTH": (Kind.AUTH, "wants a password: put it into the store's URL, redis://user:password@host"),
    "WRONGPASS": (Kind.AUTH, "refuses user or password: correct them in the store's URL"),
    "NOPERM": (Kind.AUTH, "does not let this user do that: allow it with ACL SETUSER"),
    "LOADING": (Kind.LOADING, "is still reading its data from disk: wait"),
    "READONLY": (
        Kind.READONLY,
        "is a read-only replica: point the store's URL at the primary, or use redis+sentinel://",
    ),
    "MASTERDOWN": (Kind.MASTERDOWN, "is a replica that has lost its primary"),
    "CLUSTERDOWN": (Kind.CLUSTERDOWN, "says that the cluster does not serve: see CLUSTER INFO"),
    "TRYAGAIN": (Kind.TRYAGAIN, "is moving these keys to another node and did not finish in time"),
    "MOVED": (Kind.MOVED, "sends us from node to node: check CLUSTER SHARDS, and redis+cluster:// in the store's URL"),
    "ASK": (Kind.MOVED, "sends us from node to node: check CLUSTER SHARDS, and redis+cluster:// in the store's URL"),
    "OOM": (Kind.OOM, "is full (maxmemory): give it more memory"),
    "NOSCRIPT": (Kind.NOSCRIPT, "forgets functions as soon as they are loaded: is something calling FUNCTION FLUSH?"),
    "BUSY": (Kind.BUSY, "is busy with a script that does not end"),
    "MISCONF": (Kind.DISK, "cannot write its data to disk and refuses changes"),
    "NOREPLICAS": (Kind.DISK, "has too few replicas and refuses changes (min-replicas-to-write)"),
}


def word(reply: str) -> str:
    """The error's first word, upper case by convention: "OOM" of "OOM command not allowed". A function that the server
    does not have is called like a script that it does not have."""
    if reply.startswith("ERR Function not found"):
        return "NOSCRIPT"
    return reply.partition(" ")[0]


def failure(reply: str, where: str, script: str = "") -> Failure:
    """What an error reply of the server `where` means; `script` is the name of the one that was run."""
    known = _REPLIES.get(word(reply))
    if known is None:
        return Failure(Kind.ERROR, f"Redis at {where} answered {script or 'a command'} with an error: {reply[:300]}")
    kind, advice = known
    return Failure(kind, f"Redis at {where} {advice} ({reply[:120]})")
