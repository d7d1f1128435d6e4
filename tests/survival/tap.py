"""The store's event stream, read from its own log of writes: every event that ever was, also those consumed since.

The store under test runs with an append-only file that is never rewritten. What a script added to a stream stands there as an XADD
of its own; a loss of data begins another file, and with it another era.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from hiredis import Reader

from scheduler.io.redis.message import unpack
from scheduler.io.redis.words import event_of
from scheduler.values import EndRecord
from tests.survival.history import EndSeen, EventSeen

OPTIONS = {"auto-aof-rewrite-percentage": "0", "aof-timestamp-enabled": "no"}
CHUNK = 1 << 20


def events(eras: list[list[Path]]) -> tuple[tuple[EventSeen, ...], tuple[EndSeen, ...]]:
    """Events in order, and the end records they carried. An era is the folders of its append-only files, one for each server."""
    seen: list[EventSeen] = []
    ends: list[EndSeen] = []
    for era, folders in enumerate(eras):
        for position, payload in itertools.chain.from_iterable(map(_added, folders)):
            event = event_of(position, unpack(payload), "")
            seen.append(EventSeen(position, event.type, event.session or "", event.seq or 0, era))
            if event.end is not None:
                ends.append(_end(event.end))
    return tuple(seen), tuple(ends)


def _added(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.aof"), key=_number):
        for command in _commands(path):
            if command[0].upper() == b"XADD" and command[1].endswith(b":events"):
                position, said = command[2].decode(), command[4::2]  # an entry of several events has a field for each
                for number, payload in enumerate(said):
                    yield f"{position}#{number}" if len(said) > 1 else position, payload


def _commands(path: Path) -> Iterator[list[bytes]]:
    """Up to what a kill left unfinished."""
    reader = Reader()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            reader.feed(chunk)
            while (command := reader.gets()) is not False:
                yield command


def _number(path: Path) -> int:
    """Of `appendonly.aof.3.incr.aof`."""
    return int(path.name.split(".")[2])


def _end(record: EndRecord) -> EndSeen:
    return EndSeen(
        session=record.session,
        outcome=record.outcome.value,
        code=record.code.value if record.code else None,
        reason=record.reason,
        by=record.by,
        messages_in=record.usage.messages_in,
        messages_out=record.usage.messages_out,
        bytes_in=record.usage.bytes_in,
        bytes_out=record.usage.bytes_out,
        is_estimated=record.is_estimated,
    )
