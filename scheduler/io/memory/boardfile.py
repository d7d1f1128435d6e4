"""The memory store's board in a file: a small SQLite database, written and on the disk before anything is acknowledged.

One connection a write, so that there is nothing to close and a crash leaves either the old or the new. A file that cannot
be read is set aside under another name and the board starts empty: it holds wishes and records, no session.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import structlog

from scheduler.scalingwords import request_of, request_text
from scheduler.store import Unavailable
from scheduler.values import DecisionRecord, ScaleRequest

FILE = "board.sqlite"
BUSY_SECONDS = 5.0  # another process that starts on the same folder
DAMAGED = "scale requests, decisions and what the autoscaler had learned are gone: it starts without them"
_TABLES = """
CREATE TABLE IF NOT EXISTS requests (id TEXT PRIMARY KEY, said TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (
    region TEXT NOT NULL, pool TEXT NOT NULL, at REAL NOT NULL, is_change INTEGER NOT NULL, document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS decisions_of_a_pool ON decisions (region, pool, at);
CREATE TABLE IF NOT EXISTS memories (name TEXT PRIMARY KEY, document BLOB NOT NULL);
"""
_OLD = """
DELETE FROM decisions WHERE region = ?1 AND pool = ?2 AND rowid NOT IN (
    SELECT rowid FROM decisions WHERE region = ?1 AND pool = ?2 ORDER BY at DESC, rowid DESC LIMIT ?3
)
"""

_log = structlog.get_logger(__name__)


class BoardFile:
    """`scheduler.io.memory.scaling.Keeper` in a folder. What the disk does not take is Unavailable: ask again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def load(self) -> tuple[list[ScaleRequest], list[DecisionRecord], dict[str, bytes]]:
        """All that was kept. A damaged file is set aside, and nothing was. Raises OSError for one that cannot be read."""
        if not self._path.exists():
            return [], [], {}
        try:
            return self._read()
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, full, forbidden: not damaged
                raise OSError(f"{self._path} cannot be read: {error}") from error
            self._set_aside(error)
            return [], [], {}

    def put_request(self, request: ScaleRequest) -> None:
        """Over the one of its id."""
        with self._change(is_flushed=True) as database:
            said = (request.id, request_text(request))
            database.execute("INSERT OR REPLACE INTO requests VALUES (?, ?)", said)

    def drop_requests(self, requests: list[str]) -> None:
        """Those not there are no error."""
        with self._change(is_flushed=True) as database:
            database.executemany("DELETE FROM requests WHERE id = ?", [(request,) for request in requests])

    def add_decision(self, record: DecisionRecord, most: int) -> None:
        """Of its pool at most so many stay."""
        with self._change(is_flushed=False) as database:
            said = (record.region, record.pool, record.at, record.is_change, record.document)
            database.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?)", said)
            database.execute(_OLD, (record.region, record.pool, most))

    def put_memory(self, name: str, document: bytes) -> None:
        """Over the one of its name."""
        with self._change(is_flushed=False) as database:
            database.execute("INSERT OR REPLACE INTO memories VALUES (?, ?)", (name, document))

    def _read(self) -> tuple[list[ScaleRequest], list[DecisionRecord], dict[str, bytes]]:
        with self._opened(is_flushed=False) as database:
            [(verdict,)] = database.execute("PRAGMA quick_check(1)")
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            requests = [request_of(said) for (said,) in database.execute("SELECT said FROM requests")]
            rows = database.execute("SELECT region, pool, at, is_change, document FROM decisions ORDER BY at, rowid")
            decisions = [
                DecisionRecord(region, pool, at, bool(is_), bytes(text)) for region, pool, at, is_, text in rows
            ]
            return requests, decisions, dict(database.execute("SELECT name, document FROM memories"))

    @contextmanager
    def _change(self, *, is_flushed: bool) -> Iterator[sqlite3.Connection]:
        try:
            with self._opened(is_flushed=is_flushed) as database:
                yield database
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"{self._path} cannot be written: {error}") from error

    @contextmanager
    def _opened(self, *, is_flushed: bool) -> Iterator[sqlite3.Connection]:
        """Flushed: on the disk when it returns. Else a loss of power may cost the last ones, never the file."""
        if not self._path.exists():  # SQLite would let everybody read it
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS)) as database, database:
            database.execute(f"PRAGMA synchronous = {'FULL' if is_flushed else 'NORMAL'}")
            database.executescript(_TABLES)
            yield database

    def _set_aside(self, error: Exception) -> None:
        aside = self._path.with_suffix(".damaged")
        self._path.replace(aside)
        self._path.with_name(f"{FILE}-journal").unlink(missing_ok=True)
        _log.error("board_set_aside", file=str(self._path), kept_as=str(aside), why=str(error), detail=DAMAGED)
