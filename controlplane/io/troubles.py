"""What a failed statement means: for the caller a code, for the database layer whether to try again.

A server names its failures with SQLSTATEs (PostgreSQL's appendix A), SQLite with words. Nothing here shows SQL.
"""

from __future__ import annotations

from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from moorage.errors import Code, MoorageError, error_for

RETRY_SOON = 1.0
RETRY_FULL = 30.0


class Away(ConnectionError):
    """The database cannot be reached, or fell silent in the middle of a statement."""


class CommitUnknown(ConnectionError):
    """The connection broke while it committed: the transaction may be done or not."""


Failure = DBAPIError | PoolTimeoutError | Away | CommitUnknown
FAILURES = (DBAPIError, PoolTimeoutError, Away, CommitUnknown)


class Trouble(Enum):
    """Kinds of failure."""

    RACED = auto()  # another transaction won: nothing was changed, the same again may do
    LOST = auto()  # no connection: nothing was changed, another one may do
    BUSY = auto()  # waited as long as it may for a lock, a connection or an answer
    UNKNOWN = auto()  # changed or not
    FULL = auto()
    OURS = auto()  # a wrong statement


_STATES = {
    "40001": Trouble.RACED,  # serialization_failure
    "40P01": Trouble.RACED,  # deadlock_detected
    "23505": Trouble.RACED,  # unique_violation: what was not there when we looked is there now
    "55P03": Trouble.BUSY,  # lock_not_available
    "57014": Trouble.BUSY,  # query_canceled, by statement_timeout
    "25P03": Trouble.LOST,  # idle_in_transaction_session_timeout: the server cut us off
    "25006": Trouble.LOST,  # read_only_sql_transaction: the primary became a replica
    "57P01": Trouble.LOST,  # admin_shutdown
    "57P02": Trouble.LOST,  # crash_shutdown
    "57P03": Trouble.LOST,  # cannot_connect_now
    "57P05": Trouble.LOST,  # idle_session_timeout
    "53100": Trouble.FULL,  # disk_full
    "53300": Trouble.LOST,  # too_many_connections
}
_LOCKED = ("database is locked", "database table is locked", "database is busy")
_FULL = ("database or disk is full", "disk I/O error", "No space left on device")
_ANSWERS = {
    Trouble.RACED: "too many changes at once: nothing was changed, try again",
    Trouble.LOST: "the database cannot be reached: nothing was changed, try again",
    Trouble.BUSY: "the database is busy: nothing was changed, try again",
    Trouble.UNKNOWN: "the database went away during the commit: ask again, with the same Idempotency-Key if there was one",
}


def trouble_of(error: Failure) -> Trouble:
    """The kind of a failure."""
    match error:
        case Away():
            return Trouble.LOST
        case CommitUnknown():
            return Trouble.UNKNOWN
        case PoolTimeoutError():
            return Trouble.BUSY
    state = getattr(error.orig, "sqlstate", None)
    return _of_words(error) if state is None else _of_state(state, error)


def typed(error: Failure) -> MoorageError:
    """What a caller is told: a lock or a lost connection is worth a retry soon, a full disk later."""
    trouble = trouble_of(error)
    if trouble in _ANSWERS:
        return error_for(Code.STORE_UNAVAILABLE, _ANSWERS[trouble], retry_after=RETRY_SOON)
    if trouble is Trouble.FULL:
        detail = "the database cannot be written, its disk may be full: nothing was changed, try again later"
        return error_for(Code.INTERNAL, detail, retry_after=RETRY_FULL)
    return error_for(Code.INTERNAL, "the database failed: the request id finds why in the logs", retry_after=RETRY_SOON)


def _of_state(state: str, error: DBAPIError) -> Trouble:
    if state.startswith("08"):  # connection exceptions, and PgBouncer's own (08P01)
        return Trouble.LOST
    return _STATES.get(state, Trouble.LOST if error.connection_invalidated else Trouble.OURS)


def _of_words(error: DBAPIError) -> Trouble:
    if error.connection_invalidated:
        return Trouble.LOST
    said = str(error.orig)
    if any(words in said for words in _LOCKED):
        return Trouble.BUSY
    if isinstance(error, OperationalError) and any(words in said for words in _FULL):
        return Trouble.FULL
    return Trouble.OURS
