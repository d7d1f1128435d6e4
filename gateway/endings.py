"""How a relay's end changes its session, and what each side is told: the table of endings, and a walk over it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gateway.relay import Cause, Close, Ending, Farewell, Side, Traffic
from moorage.errors import CATALOGUE, Code, close_reason
from scheduler.values import Outcome

RETRY_WORKER_LOST = 0.5  # long enough for a burst to spread, short enough for a user not to notice
RETRY_RATE = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` None suspends the session; else it is over."""

    outcome: Outcome | None
    code: Code | None
    by: str  # client | worker | gateway
    reason: str
    is_worker_lost: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    outcome: Outcome | None
    code: Code | None = None
    is_worker_lost: bool = False


_COMPLETED = _Row(Outcome.COMPLETED)
_FAILED = _Row(Outcome.FAILED)
_SUSPENDED = _Row(None)

# RFC 6455 section 7.4.1 and the IANA registry. Whatever is not here ends a session in order, as 1000 does.
CLOSES: dict[tuple[Side, int], _Row] = {
    (Side.CLIENT, 1001): _SUSPENDED,  # a page reload
    (Side.WORKER, 1001): _SUSPENDED,  # a server going down
    (
        Side.CLIENT,
        1011,
    ): _SUSPENDED,  # its keep-alive heard nothing for too long, and it comes back: silence ends nothing
    (Side.WORKER, 1011): _FAILED,
    **{(side, code): _FAILED for side in Side for code in (1002, 1003, 1007, 1008, 1009, 1010)},
    **{(side, code): _SUSPENDED for side in Side for code in (1012, 1013, 1014)},
}

CAUSES: dict[tuple[Cause, Side | None], _Row] = {
    (Cause.EOF, Side.CLIENT): _SUSPENDED,
    (Cause.EOF, Side.WORKER): _Row(None, Code.WORKER_LOST, is_worker_lost=True),
    (Cause.PROTOCOL, Side.CLIENT): _Row(Outcome.FAILED, Code.PROTOCOL_ERROR),
    (Cause.PROTOCOL, Side.WORKER): _Row(Outcome.FAILED, Code.INTERNAL),
    (Cause.TOO_BIG, Side.CLIENT): _Row(Outcome.FAILED, Code.MESSAGE_TOO_BIG),
    (Cause.TOO_BIG, Side.WORKER): _Row(Outcome.FAILED, Code.MESSAGE_TOO_BIG),
    (Cause.RATE, Side.CLIENT): _Row(None, Code.RATE_LIMIT_EXCEEDED),
    (Cause.BYTES, None): _Row(Outcome.COMPLETED, Code.BYTES_LIMIT),
    (Cause.SLOW, Side.CLIENT): _Row(None, Code.SLOW_CLIENT),
    (Cause.IDLE, None): _Row(None, Code.IDLE_TIMEOUT),
    (Cause.SILENT, Side.CLIENT): _SUSPENDED,
}

_RETRY_AFTER = {
    Code.WORKER_LOST: RETRY_WORKER_LOST,
    Code.RATE_LIMIT_EXCEEDED: RETRY_RATE,
    Code.SLOW_CLIENT: 1.0,
    Code.IDLE_TIMEOUT: 0.0,
}


def judge(ending: Ending) -> tuple[Verdict, Farewell]:
    """What an ending means. ORDERED is not judged here: who ordered it knows. Raises LookupError for what cannot happen."""
    by = ending.by.value if ending.by else "gateway"
    if ending.cause is Cause.CLOSED:
        row = _row_of_close(ending)
        said = "no code" if ending.close_code is None else str(ending.close_code)
        return Verdict(row.outcome, None, by, f"closed by the {by} with {said}"), Farewell()
    row = CAUSES[ending.cause, ending.by if ending.cause not in (Cause.BYTES, Cause.IDLE) else None]
    verdict = Verdict(row.outcome, row.code, by, _reason(ending, row), row.is_worker_lost)
    return verdict, _farewell(ending, row)


@lru_cache(maxsize=256)  # the same words for thousands at once
def ordered_farewell(code: Code, retry_after: float | None) -> Close:
    """The close frame of a relay that the gateway ends itself."""
    number = CATALOGUE[code].close
    return Close(1011 if number is None else number, close_reason(code, retry_after))


def _row_of_close(ending: Ending) -> _Row:
    if ending.by is None or ending.close_code is None:
        return _COMPLETED
    return CLOSES.get((ending.by, ending.close_code), _COMPLETED)


def _farewell(ending: Ending, row: _Row) -> Farewell:
    """The client hears the code; the worker hears that its client went away, or that it broke the protocol itself."""
    to_client = ordered_farewell(row.code, _RETRY_AFTER.get(row.code)) if row.code else None
    if (ending.cause is Cause.EOF and ending.by is Side.CLIENT) or ending.cause is Cause.SILENT:
        return Farewell(None, Close(1001))
    if ending.by is Side.WORKER:
        return Farewell(to_client, None if ending.cause is Cause.EOF else Close(_blame(ending.cause)))
    return Farewell(to_client, Close(1001 if row.outcome is None else _blame(ending.cause)))


def _blame(cause: Cause) -> int:
    return {Cause.PROTOCOL: 1002, Cause.TOO_BIG: 1009}.get(cause, 1000)


def _reason(ending: Ending, row: _Row) -> str:
    if ending.cause is Cause.EOF:
        return "WORKER_LOST" if ending.by is Side.WORKER else "CLIENT_GONE"
    return row.code.value if row.code else ending.cause.value


def printed_table() -> str:
    """The table as Markdown; docs/gateway.md holds it, and a test compares."""
    lines = ["| what the wire sees | the session | the client hears | the worker hears |", "|---|---|---|---|"]
    for (side, number), row in sorted(CLOSES.items(), key=lambda entry: (entry[0][1], entry[0][0].value)):
        lines.append(f"| the {side.value} closes with {number} | {_became(row)} | - | - |")
    lines.append(f"| either closes with no code, or any other | {_became(_COMPLETED)} | - | - |")
    for (cause, by), row in CAUSES.items():
        _, said = judge(Ending(cause, by, None, close_seen=False, client_at_boundary=True, traffic=Traffic()))
        seen = f"{cause.name} by the {by.value}" if by else cause.name
        lines.append(f"| {seen} | {_became(row)} | {_heard(said.client)} | {_heard(said.worker)} |")
    return "\n".join(lines) + "\n"


def _became(row: _Row) -> str:
    return f"ended, {row.outcome.value}" if row.outcome else "suspended"


def _heard(close: Close | None) -> str:
    return f"{close.code} {close.reason.decode()}".strip() if close else "-"
