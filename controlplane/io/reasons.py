"""Why a database cannot be used, as one sentence for whoever set it up: what was seen, where, and what to do.

For starts and commands. What callers of the API are told while it runs is in controlplane/io/troubles.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from controlplane.io.troubles import Away, CommitUnknown, Trouble, trouble_of

SETTING = "controlplane.database_url (--database, MOORAGE_CONTROLPLANE__DATABASE_URL)"


class DatabaseUnusable(RuntimeError):
    """The sentence. `is_passing`: waiting may help."""

    def __init__(self, sentence: str, *, is_passing: bool = False) -> None:
        super().__init__(sentence)
        self.is_passing = is_passing


@asynccontextmanager
async def explained(url: str) -> AsyncIterator[None]:
    """Turns what a database raises into DatabaseUnusable."""
    try:
        yield
    except (SQLAlchemyError, Away, CommitUnknown, TimeoutError) as error:
        raise DatabaseUnusable(reason(error, url), is_passing=_is_passing(error)) from error


def reason(error: Exception, url: str) -> str:
    """The sentence, without the password."""
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        return _of_sqlite(error, where.database or "")
    match error:
        case DBAPIError():
            return _of_server(error, where)
        case Away():
            return _unreachable(error, where)
        case TimeoutError():
            return f"the database {place(where)} did not answer in time: look at its load, and at who holds locks"
        case _:
            return f"the database {place(where)} failed: {_words(error)}"


def place(url: URL) -> str:
    """host:port/name."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port or 5432}/{url.database or ''}"


def _is_passing(error: Exception) -> bool:
    match error:
        case Away():
            return not isinstance(error.__cause__, socket.gaierror) or error.__cause__.errno == socket.EAI_AGAIN
        case DBAPIError():
            return trouble_of(error) in (Trouble.LOST, Trouble.BUSY)
        case _:
            return False


def _unreachable(error: Away, url: URL) -> str:
    match error.__cause__:
        case socket.gaierror():
            return f"no host {url.host!r} is known (database {place(url)}): correct {SETTING}"
        case ConnectionRefusedError():
            return f"nobody listens at {place(url)}: start the database, or correct {SETTING}"
        case TimeoutError():
            return f"no answer from {place(url)}: it is down, or a firewall or network policy keeps us from it"
        case FileNotFoundError():
            return f"there is no socket of a database at {place(url)}: start it, or correct {SETTING}"
        case cause:
            return f"the database {place(url)} cannot be reached: {_words(cause or error)}"


_Told = Callable[[str, URL], str]
_BY_STATE: dict[str, _Told] = {
    "28P01": lambda said, url: f"{place(url)} refused the password of user {url.username!r}: correct {SETTING}",
    "28000": lambda said, url: f"{place(url)} does not let user {url.username!r} in ({said}): correct {SETTING}",
    "3D000": lambda said, url: (
        f"there is no database {url.database!r} at {place(url)}: create it (createdb {url.database}), or correct {SETTING}"
    ),
    "42501": lambda said, url: (
        f"user {url.username!r} lacks a right at {place(url)} ({said}): migrations need "
        f"GRANT CREATE, USAGE ON SCHEMA public TO {url.username}"
    ),
    "53100": lambda said, url: f"the disk of {place(url)} is full: make room there",
    "53300": lambda said, url: (
        f"{place(url)} has no connection left: lower controlplane.database_connections, or raise its max_connections"
    ),
    "57P03": lambda said, url: f"{place(url)} is starting or stopping ({said}): try again",
    "55P03": lambda said, url: f"another migration, or somebody else's lock, is in the way at {place(url)}: try again",
    "57014": lambda said, url: f"{place(url)} took longer than controlplane.database_migrate_seconds: raise it",
}
"""By PostgreSQL's appendix A."""


def _of_server(error: DBAPIError, url: URL) -> str:
    said = _words(error.orig or error)
    told = _BY_STATE.get(getattr(error.orig, "sqlstate", None) or "")
    return told(said, url) if told else f"the database {place(url)} failed: {said}"


def _of_sqlite(error: Exception, path: str) -> str:
    said = _words(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    user = f"user {os.geteuid()}"
    if "unable to open" in said:
        return f"SQLite cannot open {path}: its folder is not there, or {user} may not write there"
    if "not a database" in said or "malformed" in said:
        return f"{path} is no SQLite database, or a broken one: name another data folder, or bring a backup back"
    if "readonly" in said:
        return f"SQLite may not write {path}: give it to {user}, and mount its volume writable"
    if isinstance(error, DBAPIError) and trouble_of(error) is Trouble.FULL:
        return f"no room is left for {path}: its volume is full, enlarge it or free some"
    if isinstance(error, DBAPIError) and trouble_of(error) is Trouble.BUSY:
        return f"another program holds {path}: one control plane at a time can use SQLite, several need PostgreSQL"
    return f"SQLite failed on {path}: {said}"


def _words(error: BaseException) -> str:
    """A line, without the class that drivers put before it."""
    line = str(error).partition("\n")[0] or type(error).__name__
    return line.rpartition(">: ")[2] if line.startswith("<class ") else line
