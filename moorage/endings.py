"""What a closed WebSocket means for its session: the table of endings, from the worker's side and from the client's.

The gateway relays closes unchanged, so both sides read the same codes. Pure: takes what was closed, says what follows.

>>> at_worker(Closed(received=1001))
<Attach.DETACHED: 'detached'>
>>> at_client(Closed(received=4409)).is_retryable
False
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any

from moorage.errors import CATALOGUE, Code, MoorageError, SessionOver, error_for
from moorage.link import Outcome

NORMAL = (1000, 1005)  # closed on purpose; 1005 stands for a close frame without a code (RFC 6455 section 7.4.1)
_PEER_BROKE = (1002, 1003, 1007, 1008, 1009, 1010)


@dataclass(frozen=True, slots=True)
class Closed:
    """One closed connection. None where no such close frame went that way."""

    received: int | None = None
    reason: str = ""  # of the received frame
    sent: int | None = None  # by this side before it received any: its own failing of the connection


class Attach(Enum):
    """What the end of one connection means to the session at its worker."""

    DETACHED = "detached"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def outcome(self) -> Outcome | None:
        """None while the session may go on."""
        return None if self is Attach.DETACHED else Outcome(self.name)


# Codes that are not here end a session in order, as 1000 does: somebody closed it on purpose, with a meaning of their own.
_AT_WORKER = {
    **dict.fromkeys((1001, 1006, 1011, 1012, 1013, 1014), Attach.DETACHED),  # 1011: the client's keep-alive gave up
    **{row.close: Attach.DETACHED for row in CATALOGUE.values() if row.close is not None and row.is_retryable},
    4409: Attach.DETACHED,  # the socket lost its session, the session goes on
    4419: Attach.EXPIRED,
    **dict.fromkeys(_PEER_BROKE, Attach.FAILED),
}


def at_worker(closed: Closed) -> Attach:
    """After a close that the worker's own code did not ask for. Silence suspends, it never ends."""
    if closed.received is not None:
        return _AT_WORKER.get(closed.received, Attach.COMPLETED)
    return Attach.FAILED if closed.sent in _PEER_BROKE else Attach.DETACHED


def of_worker(code: int) -> Attach:
    """What a worker's own close code means: 1012 hands the session over, 1011 says that it failed."""
    if code in (1001, 1012):
        return Attach.DETACHED
    return Attach.FAILED if code == 1011 or code in _PEER_BROKE else Attach.COMPLETED


_BY_CLOSE = {row.close: code for code, row in reversed(CATALOGUE.items()) if row.close is not None}
_WENT_AWAY = (1001, 1006, 1012, 1013, 1014)


def at_client(closed: Closed) -> MoorageError:
    """The typed error behind a close; `is_retryable` says whether the session can be resumed. A normal close is
    SESSION_ENDED too: `is_normal` tells it apart."""
    code = closed.received
    if code is None:
        return _unseen(closed)
    said, retry_after = _said(closed.reason)
    if code in NORMAL:
        return error_for(Code.SESSION_ENDED, "the session ended: its other side closed it")
    if code == 1011:  # the handler raised: the session failed, whatever the catalogue says of a REST call
        return SessionOver(Code.INTERNAL, "the session failed at its worker")
    if code in _WENT_AWAY:
        return error_for(Code.DRAINING, f"closed with {code}: reconnect", retry_after=retry_after)
    known = said if said is not None and CATALOGUE[said].close == code else _BY_CLOSE.get(code)
    if known is not None:
        return error_for(known, retry_after=retry_after)
    return error_for(Code.SESSION_ENDED, f"the worker closed with {code} {closed.reason[:80]!r}")


def is_normal(closed: Closed) -> bool:
    """Whether iteration simply ends."""
    return closed.received in NORMAL


def from_status(status: int, body: bytes, retry_after: str | None) -> MoorageError:
    """The typed error behind an HTTP refusal: `code` of problem+json where there is one, else by status."""
    problem = _object(body)
    said = _code(problem.get("code"))
    detail = problem.get("detail")
    seconds = _seconds(retry_after) if retry_after is not None else _seconds(problem.get("retry_after"))
    code = said or _BY_STATUS.get(status, Code.WEBSOCKET_CONNECTION_FAILED)
    text = detail[:200] if isinstance(detail, str) else f"the gateway answered {status}"
    return error_for(code, text, retry_after=seconds)


_BY_STATUS = {
    400: Code.BAD_REQUEST,
    401: Code.INVALID_SESSION_TOKEN,
    403: Code.PERMISSION_DENIED,
    404: Code.SESSION_NOT_FOUND,
    409: Code.SESSION_SUPERSEDED,
    410: Code.SESSION_ENDED,
    413: Code.MESSAGE_TOO_BIG,
    426: Code.BAD_REQUEST,
    429: Code.RATE_LIMIT_EXCEEDED,
}


def _unseen(closed: Closed) -> MoorageError:
    if closed.sent in _PEER_BROKE:
        code = Code.MESSAGE_TOO_BIG if closed.sent == 1009 else Code.PROTOCOL_ERROR
        return error_for(code, f"this side closed with {closed.sent}")
    return error_for(Code.WORKER_LOST, "the connection was cut without a close frame")


def _said(reason: str) -> tuple[Code | None, float | None]:
    said = _object(reason.encode())
    return _code(said.get("code")), _seconds(said.get("retry_after"))


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data[:65536])
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _code(said: object) -> Code | None:
    return Code(said) if isinstance(said, str) and said in Code.__members__ else None


def _seconds(said: object) -> float | None:
    try:
        seconds = float(said)  # type: ignore[arg-type] # anything a peer may have written
    except (TypeError, ValueError):
        return None
    return min(seconds, 3600.0) if isfinite(seconds) and seconds >= 0 else None
