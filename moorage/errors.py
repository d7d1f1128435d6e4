"""The error catalogue: one table for REST, gateway and SDK.

    MoorageError
    ├── Refused        the caller must change something: BAD_REQUEST, INVALID_SESSION_TOKEN, PERMISSION_DENIED, NOT_FOUND, …
    ├── SessionOver    the session never comes back: SESSION_ENDED, SESSION_EXPIRED, SESSION_SUPERSEDED
    ├── Retryable      the same call may succeed after `retry_after`: NO_CAPACITY, DRAINING, WORKER_LOST, …
    └── Broken         a bug or a broken peer: PROTOCOL_ERROR, MESSAGE_TOO_BIG, INTERNAL

The class is the branch, `error.code` the leaf. `error.row` is the code's line of the catalogue: `status` (HTTP), `close`
(WebSocket), `is_retryable`, `fault`, `meaning`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """Whose fault an error is."""

    CLIENT = "client"  # the end user's program
    CALLER = "caller"  # the tenant's backend or operator
    WORKER = "worker"
    CAPACITY = "capacity"  # nobody's: there is no room now
    SERVER = "server"  # ours


class Code(Enum):
    """Stable upper-case codes; the value is what goes over the wire."""

    BAD_REQUEST = "BAD_REQUEST"
    INVALID_SESSION_TOKEN = "INVALID_SESSION_TOKEN"  # noqa: S105 - a code, not a secret
    INVALID_API_KEY = "INVALID_API_KEY"
    API_KEY_EXPIRED = "API_KEY_EXPIRED"
    INVALID_JOIN_KEY = "INVALID_JOIN_KEY"
    INVALID_TICKET = "INVALID_TICKET"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    SESSION_NOT_FOUND = "SESSION_NOT_FOUND"
    WORKER_NOT_FOUND = "WORKER_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    CONFLICT = "CONFLICT"
    STALE_FENCE = "STALE_FENCE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNPROCESSABLE = "UNPROCESSABLE"
    ADMISSION_TIMEOUT = "ADMISSION_TIMEOUT"
    SESSION_SUPERSEDED = "SESSION_SUPERSEDED"
    SESSION_ENDED = "SESSION_ENDED"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    SESSION_LIMIT_EXCEEDED = "SESSION_LIMIT_EXCEEDED"
    IDLE_TIMEOUT = "IDLE_TIMEOUT"
    SLOW_CLIENT = "SLOW_CLIENT"
    BYTES_LIMIT = "BYTES_LIMIT"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    WORKER_LOST = "WORKER_LOST"
    NO_CAPACITY = "NO_CAPACITY"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    PROTOCOL_ERROR = "PROTOCOL_ERROR"
    MESSAGE_TOO_BIG = "MESSAGE_TOO_BIG"
    INTERNAL = "INTERNAL"
    DRAINING = "DRAINING"
    WEBSOCKET_CONNECTION_FAILED = "WEBSOCKET_CONNECTION_FAILED"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the catalogue. `close` is None where a WebSocket never sees it, `status` where HTTP never does."""

    status: int | None
    close: int | None
    is_retryable: bool
    fault: Fault
    meaning: str


CATALOGUE: dict[Code, Row] = {
    Code.BAD_REQUEST: Row(400, 4400, False, Fault.CLIENT, "not a valid request for this endpoint"),
    Code.INVALID_SESSION_TOKEN: Row(
        401, 4401, False, Fault.CLIENT, "bad signature, expired, unknown key or wrong audience"
    ),
    Code.INVALID_API_KEY: Row(401, None, False, Fault.CALLER, "no such API key"),
    Code.API_KEY_EXPIRED: Row(401, None, False, Fault.CALLER, "the API key's time is over"),
    Code.INVALID_JOIN_KEY: Row(401, 4401, False, Fault.WORKER, "no such join key, or bound to another pool or region"),
    Code.INVALID_TICKET: Row(401, None, False, Fault.WORKER, "unknown, late, used, or for another attach"),
    Code.PERMISSION_DENIED: Row(
        403, 4403, False, Fault.CLIENT, "origin, address, scope, region or workspace not allowed"
    ),
    Code.NOT_FOUND: Row(404, None, False, Fault.CALLER, "no such resource"),
    Code.SESSION_NOT_FOUND: Row(404, 4404, False, Fault.CLIENT, "the session never existed here"),
    Code.WORKER_NOT_FOUND: Row(404, None, False, Fault.CALLER, "no such worker"),
    Code.METHOD_NOT_ALLOWED: Row(405, None, False, Fault.CALLER, "the path exists, not with this method"),
    Code.CONFLICT: Row(409, None, False, Fault.CALLER, "the resource's state does not allow it"),
    Code.STALE_FENCE: Row(409, None, False, Fault.SERVER, "a newer attach owns the session"),
    Code.BODY_TOO_LARGE: Row(413, None, False, Fault.CALLER, "the body is over the limit"),
    Code.UNPROCESSABLE: Row(422, None, False, Fault.CALLER, "a field is wrong"),
    Code.ADMISSION_TIMEOUT: Row(503, 4408, True, Fault.CAPACITY, "waited for capacity until the deadline"),
    Code.SESSION_SUPERSEDED: Row(409, 4409, False, Fault.CLIENT, "another connection holds this session"),
    Code.SESSION_ENDED: Row(410, 4410, False, Fault.CALLER, "terminated, revoked or completed"),
    Code.SESSION_EXPIRED: Row(401, 4419, False, Fault.CALLER, "the session's time to live is over"),
    Code.SESSION_LIMIT_EXCEEDED: Row(
        429, 4420, True, Fault.CALLER, "concurrent sessions of the user, key or workspace"
    ),
    Code.IDLE_TIMEOUT: Row(None, 4421, True, Fault.CLIENT, "nothing but pings for idle_seconds"),
    Code.SLOW_CLIENT: Row(None, 4422, True, Fault.CLIENT, "the client did not read"),
    Code.BYTES_LIMIT: Row(None, 4423, False, Fault.CLIENT, "the session's byte limit is used up"),
    Code.RATE_LIMIT_EXCEEDED: Row(429, 4429, True, Fault.CLIENT, "connects or messages too fast"),
    Code.WORKER_LOST: Row(502, 4502, True, Fault.WORKER, "the worker died or cut the connection without a close frame"),
    Code.NO_CAPACITY: Row(503, 4503, True, Fault.CAPACITY, "the queue is full, or no worker can ever match"),
    Code.STORE_UNAVAILABLE: Row(503, 4504, True, Fault.SERVER, "no new placement while the store is away"),
    Code.PROTOCOL_ERROR: Row(400, 1002, False, Fault.CLIENT, "RFC 6455 was broken"),
    Code.MESSAGE_TOO_BIG: Row(413, 1009, False, Fault.CLIENT, "a frame or message over the limit"),
    Code.INTERNAL: Row(500, 1011, True, Fault.SERVER, "a bug or a full disk; the request id finds it in the logs"),
    Code.DRAINING: Row(503, 1012, True, Fault.SERVER, "gateway or worker is going away: reconnect"),
    Code.WEBSOCKET_CONNECTION_FAILED: Row(502, None, True, Fault.SERVER, "the WebSocket could not be opened"),
}

MAX_REASON_BYTES = 123  # RFC 6455 section 5.5: 125 bytes of payload less the code


def close_reason(code: Code, retry_after: float | None = None) -> bytes:
    """The compact JSON of a close frame, at most 123 bytes.

    >>> close_reason(Code.NO_CAPACITY, 2.5)
    b'{"code":"NO_CAPACITY","retry_after":2.5}'
    """
    said: dict[str, object] = {"code": code.value}
    if retry_after is not None:
        said["retry_after"] = round(retry_after, 3)
    return json.dumps(said, separators=(",", ":")).encode()


class MoorageError(Exception):
    """Anything Moorage refuses or reports. `str()` says what was seen and what to do."""

    def __init__(self, code: Code, detail: str = "", *, retry_after: float | None = None) -> None:
        row = CATALOGUE[code]
        super().__init__(detail or row.meaning)
        self.code = code
        self.detail = detail or row.meaning
        self.retry_after = retry_after

    @property
    def row(self) -> Row:
        """The catalogue's line of this error."""
        return CATALOGUE[self.code]

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may succeed later, unchanged."""
        return self.row.is_retryable

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.code, self.detail, self.retry_after)


class Refused(MoorageError):
    """The caller must change something first; trying again unchanged cannot help."""

    @property
    def is_retryable(self) -> bool:
        """Never."""
        return False


class SessionOver(MoorageError):
    """The session will not come back; a client never retries it, whatever its code allows elsewhere."""

    @property
    def is_retryable(self) -> bool:
        """Never."""
        return False


class Retryable(MoorageError):
    """The same call may succeed after `retry_after` seconds."""


class Broken(MoorageError):
    """A bug, or a peer that breaks its protocol."""


_OVER = {Code.SESSION_SUPERSEDED, Code.SESSION_ENDED, Code.SESSION_EXPIRED}
_BROKEN = {Code.PROTOCOL_ERROR, Code.INTERNAL, Code.MESSAGE_TOO_BIG}


def error_for(code: Code, detail: str = "", *, retry_after: float | None = None) -> MoorageError:
    """The error of the right class for a code."""
    return class_of(code)(code, detail, retry_after=retry_after)


def class_of(code: Code) -> type[MoorageError]:
    """The branch of the tree a code belongs to."""
    if code in _OVER:
        return SessionOver
    if code in _BROKEN:
        return Broken
    return Retryable if CATALOGUE[code].is_retryable else Refused


def _rebuilt(kind: type[MoorageError], code: Code, detail: str, retry_after: float | None) -> MoorageError:
    return kind(code, detail, retry_after=retry_after)
