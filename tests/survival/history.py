"""What a test run was: facts with the time of one clock, and how things stood when it had settled.

Times are seconds of CLOCK_MONOTONIC, which all processes of one machine share and no step of the clock moves. Programs are named
as the harness names them: `gateway-1`, `worker-2`, `controlplane-1`, `store`; a worker's next life has another name.
Written as JSON lines, so that a history survives whoever wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Created:
    """REST made a session."""

    at: float
    session: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A client got its 101; `attach` counts from 1."""

    at: float
    session: str
    attach: int
    gateway: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A client is about to send its message `number`, counted from 1; it may be lost."""

    at: float
    session: str
    number: int
    size: int  # bytes of payload


@dataclass(frozen=True, slots=True)
class Echoed:
    """The answer to message `number` came, from this worker."""

    at: float
    session: str
    number: int
    worker: str
    size: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A connection ended that its client wanted to keep; `code` as the SDK has it, `close` as the wire had it (1006: none)."""

    at: float
    session: str
    code: str
    close: int = 1006


@dataclass(frozen=True, slots=True)
class Refused:
    """A try to connect came to nothing."""

    at: float
    session: str
    code: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The SDK raised: the session is over for its client."""

    at: float
    session: str
    code: str


@dataclass(frozen=True, slots=True)
class Left:
    """The client closed with 1000, because it had enough."""

    at: float
    session: str


@dataclass(frozen=True, slots=True)
class Aboard:
    """A worker's own list changed: a session is attached there (True), waits there for its client (False), is gone (None)."""

    at: float
    session: str
    worker: str
    is_attached: bool | None
    heard: int = 0  # messages of the session so far, here


@dataclass(frozen=True, slots=True)
class Injected:
    """Harm begins: `fault` is killed, stopped, cut, stepped, full, flushed."""

    at: float
    fault: str
    target: str


@dataclass(frozen=True, slots=True)
class Healed:
    """The same harm is over: the process runs again, bytes flow again."""

    at: float
    fault: str
    target: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Whoever writes the clients' facts got no processor for so many seconds, up to now: nobody was watched meanwhile."""

    at: float
    seconds: float


ClientFact = Created | Connected | Sent | Echoed | Cut | Refused | GaveUp | Left
Fact = ClientFact | Aboard | Injected | Healed | Paused


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as the store shows it."""

    name: str
    slots: int
    state: str
    reserved: int = 0
    held: int = 0
    suspended: int = 0


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """A live session as the store shows it."""

    session: str
    state: str  # reserved | held | suspended
    worker: str


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of the stream. `era` counts the losses of the store's data before it."""

    position: str
    type: str
    session: str
    seq: int
    era: int = 0


@dataclass(frozen=True, slots=True)
class EndSeen:
    """An end record, as it was in the stream or as the control plane's row has it."""

    session: str
    outcome: str
    code: str | None
    reason: str
    by: str
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Final:
    """How things stood at the end, all harm healed and all settled."""

    at: float
    workers: tuple[WorkerSeen, ...] = ()
    sessions: tuple[SessionSeen, ...] = ()
    events: tuple[EventSeen, ...] = ()
    ends: tuple[EndSeen, ...] = ()  # of the control plane's rows
    stream_ends: tuple[EndSeen, ...] = ()  # of the events


@dataclass(frozen=True, slots=True)
class History:
    """A whole run; `facts` in the order of their time."""

    facts: tuple[Fact, ...]
    final: Final
    seed: int = 0
    slots: dict[str, int] = field(default_factory=dict)  # of every worker that ever was


_FACTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (Created, Connected, Sent, Echoed, Cut, Refused, GaveUp, Left, Aboard, Injected, Healed, Paused)
}
_LISTS: dict[str, type[Any]] = {
    "workers": WorkerSeen,
    "sessions": SessionSeen,
    "events": EventSeen,
    "ends": EndSeen,
    "stream_ends": EndSeen,
}


def line_of(fact: Fact) -> str:
    """One line of JSON, without its end."""
    return json.dumps({"fact": type(fact).__name__, **asdict(fact)}, separators=(",", ":"))


def fact_of(line: str) -> Fact:
    """The fact that `line_of` wrote. Raises ValueError, KeyError, TypeError for anything else."""
    said = json.loads(line)
    fact: Fact = _FACTS[said.pop("fact")](**said)
    return fact


def read_facts(paths: Iterable[Path]) -> tuple[Fact, ...]:
    """All facts of several scribes in order; a last line that its writer did not finish is left out."""
    facts: list[Fact] = []
    for path in paths:
        lines = path.read_text().split("\n")[:-1]  # what follows the last newline was cut off by a kill
        facts += [fact_of(line) for line in lines]
    return tuple(sorted(facts, key=lambda fact: fact.at))


def write_history(path: Path, history: History) -> None:
    """The facts as lines, the rest as a last line."""
    last = {"seed": history.seed, "slots": history.slots, "final": asdict(history.final)}
    path.write_text("".join(f"{line_of(fact)}\n" for fact in history.facts) + json.dumps(last) + "\n")


def read_history(path: Path) -> History:
    """What `write_history` wrote."""
    *lines, last = path.read_text().splitlines()
    said = json.loads(last)
    final = said["final"]
    lists: dict[str, Any] = {name: tuple(kind(**each) for each in final[name]) for name, kind in _LISTS.items()}
    return History(tuple(map(fact_of, lines)), Final(final["at"], **lists), said["seed"], said["slots"])
