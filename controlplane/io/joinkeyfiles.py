"""Join keys from files: mounted Secrets, which change in place. One task looks every few seconds.

A file that changed since this control plane's last look replaces its key, one that went revokes it. What is the same as at the
last look is left alone: another control plane may see a change a minute earlier, and is not to be overruled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.credentials import MAX_CREDENTIAL, preset
from controlplane.io.context import Context
from controlplane.io.joinkeys import publish
from controlplane.io.sql import join_keys
from controlplane.joinkeys import Amendment, JoinKeyRow, Presented, amendment
from controlplane.policy import JoinKeyFile
from moorage.ids import KeyId
from scheduler.store import Unavailable

LOOK_EVERY = 10.0
LOCK = "join key files"
_TWICE = "another join key is the same text: give every pool a key of its own"

_log = structlog.get_logger("moorage.controlplane.joinkeys")


@dataclass(frozen=True, slots=True)
class Missing:
    """No key, and why."""

    detail: str


class JoinKeyFiles:
    """Remembers what each file held at the last look that came to an end."""

    def __init__(self, context: Context, every: float = LOOK_EVERY) -> None:
        self._context = context
        self._every = every
        self._entries = context.policy.join_keys
        self._seen: dict[str, Presented | None] = {}
        self._said: dict[str, str] = {}
        self._is_first = True
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """The last look is the one under way."""
        self._stopped.set()

    async def run(self) -> None:
        """Until stopped; a look that fails is repeated with the next."""
        while self._entries and not await self._rested():
            try:
                await self.look()
            except Exception as error:
                self._context.metrics.join_key_failures.inc()
                _log.warning("join_keys_not_read", error=repr(error))

    async def look(self) -> None:
        """Once. Raises the database's errors; a store that is away hears of it when it is back."""
        found = await asyncio.to_thread(_read_all, self._entries)
        for name, seen in found.items():
            self._tell(name, seen)
        now = {name: seen if isinstance(seen, Presented) else None for name, seen in found.items() if _is_sure(seen)}
        changed = {name: key for name, key in now.items() if name not in self._seen or key != self._seen[name]}
        if not changed and not self._is_first:
            return
        done = await self._context.database.change(lambda connection: self._amend(connection, changed), LOCK)
        self._seen |= {name: key for name, key in now.items() if name not in done.clashes}  # those are tried again
        self._is_first = False
        self._report(done)
        if done.removed or done.added:
            with suppress(Unavailable):
                await publish(self._context)

    async def _amend(self, connection: AsyncConnection, changed: Mapping[str, Presented | None]) -> Amendment:
        decided = amendment(await join_keys.listed(connection), changed, self._entries.keys())
        for row in decided.removed:
            await join_keys.remove(connection, row.id)
        for name, presented in decided.added:
            await join_keys.add(connection, self._row(name, presented))
        return decided

    def _row(self, name: str, presented: Presented) -> JoinKeyRow:
        key, now = presented.key, self._context.store.now()
        new = KeyId(self._context.new_id("key"))
        return JoinKeyRow(new, name, key.digest, key.hint, presented.pool, presented.region, now, source=name)

    def _tell(self, name: str, seen: Presented | Missing | OSError) -> None:
        """Once for each thing that is wrong, not at every look."""
        what = "" if isinstance(seen, Presented) else str(seen.detail if isinstance(seen, Missing) else seen.strerror)
        if what and what != self._said.get(name):
            entry, sure = self._entries[name], _is_sure(seen)
            self._context.metrics.join_key_failures.inc()
            _log.error(
                "join_key_file_unusable",
                entry=f"controlplane.join_keys.{name}",
                file=str(entry.file),
                why=what,
                detail=f"no worker of pool {entry.pool!r} can join with it"
                if sure
                else "the key read before, if any, stays in force",
            )
        if what or self._said.get(name) != _TWICE:
            self._said[name] = what

    def _report(self, done: Amendment) -> None:
        for row in done.removed:
            _log.info("join_key_revoked", entry=row.source, key_hint=row.hint, pool=row.pool, region=row.region)
        for name, new in done.added:
            _log.info("join_key_added", entry=name, key_hint=new.key.hint, pool=new.pool, region=new.region)
        for name in done.clashes:
            if self._said[name] == _TWICE:
                continue
            self._said[name] = _TWICE
            _log.error(
                "join_key_twice",
                entry=f"controlplane.join_keys.{name}",
                file=str(self._entries[name].file),
                detail=_TWICE,
            )

    async def _rested(self) -> bool:
        try:
            await asyncio.wait_for(self._stopped.wait(), self._every)
        except TimeoutError:
            return False
        return True


def _is_sure(seen: Presented | Missing | OSError) -> bool:
    """A file that is there and cannot be read says nothing about its key."""
    return not isinstance(seen, OSError)


def _read_all(entries: Mapping[str, JoinKeyFile]) -> dict[str, Presented | Missing | OSError]:
    return {name: _read(entry) for name, entry in entries.items()}


def _read(entry: JoinKeyFile) -> Presented | Missing | OSError:
    try:
        text = _text(entry.file)
    except (FileNotFoundError, NotADirectoryError):
        return Missing("there is no such file")
    except OSError as error:
        return error
    except ValueError:
        return Missing("the file holds no text")
    if not text:
        return Missing("the file is empty")
    try:
        return Presented(preset(text, "its key"), entry.pool, entry.region)
    except ValueError as error:
        return Missing(str(error))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_CREDENTIAL * 2).decode("ascii").strip()
