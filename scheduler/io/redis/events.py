"""The shards' streams of events, read by a group of consumers: an event goes to one of them, and to another when that
one falls silent. What is acknowledged is deleted: the streams hold what nobody has dealt with yet."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic
from typing import Any, NamedTuple

from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.gathering import MOST
from scheduler.io.redis.ground import FLEET, Ground, region_of, region_tag
from scheduler.io.redis.message import unpack
from scheduler.io.redis.words import event_of
from scheduler.values import Event

GROUP = "controlplane"
SILENT_MS = 10_000  # a consumer that held events for so long has died: another one takes them over
LOOK_EVERY = 0.025
MOST_OPEN = 20_000  # entries in part dealt with; one that another consumer took over meanwhile would stay for ever
ENTRIES_AT_ONCE = 1000  # acknowledged in one step; Lua takes 8,000 arguments at most


class Open(NamedTuple):
    """An entry of several events, not all of which are acknowledged."""

    size: int
    left: set[int]


class Events:
    """Reads the shards in turn, each one's own pending events first."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._grouped: set[str] = set()
        self._open: dict[tuple[str, str], Open] = {}

    async def read(self, consumer: str, limit: int, wait_seconds: float) -> list[Event]:
        """The oldest ones; waits for the first at most so long."""
        deadline = monotonic() + wait_seconds
        while True:
            await self._ground.refresh_regions()
            found: list[Event] = []
            for tag in (FLEET, *map(region_tag, self._ground.regions)):
                if len(found) < limit:
                    found += await self._read_one(tag, consumer, limit - len(found))
            if found:
                return sorted(found, key=lambda event: event.at)  # stable: a shard's order stays
            if monotonic() >= deadline:
                return []
            await asyncio.sleep(min(LOOK_EVERY, max(0.0, deadline - monotonic())))

    async def acknowledge(self, events: list[Event]) -> None:
        """These are dealt with; an entry of several goes with the last of them. Where that fails, all of it comes again."""
        done: dict[str, dict[str, int]] = defaultdict(dict)
        for event in events:
            tag, _, position = event.position.rpartition("/")
            entry, _, number = position.partition("#")
            if not number:
                done[tag][entry] = 1
                continue
            open_ = self._open.get((tag, entry))
            if open_ is None:
                continue  # of an earlier life: it comes again
            open_.left.discard(int(number))
            if not open_.left:
                done[tag][entry] = open_.size
        try:
            for tag, entries in done.items():
                await self._drop(tag, list(entries.items()))
        finally:
            for tag, entries in done.items():
                for entry in entries:
                    self._open.pop((tag, entry), None)

    async def _drop(self, tag: str, sizes: list[tuple[str, int]]) -> None:
        """Entries, and how many events each has."""
        for start in range(0, len(sizes), ENTRIES_AT_ONCE):
            entries, many = zip(*sizes[start : start + ENTRIES_AT_ONCE], strict=True)
            await self._ground.run("acknowledge", tag, [GROUP, entries, many])

    async def _read_one(self, tag: str, consumer: str, limit: int) -> list[Event]:
        if tag not in self._grouped:
            await self._make_group(tag)
        try:
            own = await self._from(tag, consumer, limit, "0")
            if len(own) < limit:
                own += await self._taken_over(tag, consumer, limit - len(own))
            while len(own) < limit:
                new = await self._from(tag, consumer, -(-(limit - len(own)) // MOST), ">")
                if not new:
                    break
                own += new
        except StoreFailed as error:
            if "NOGROUP" not in str(error):
                raise
            self._grouped.discard(tag)  # the store lost its data
            return []
        return own[:limit]  # the rest is ours already, and comes with the next reading

    async def _make_group(self, tag: str) -> None:
        try:
            key = self._ground.shards.key(tag, ":events")
            await self._ground.shards.command(tag, "XGROUP", "CREATE", key, GROUP, "0", "MKSTREAM")
        except StoreFailed as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._grouped.add(tag)

    async def _from(self, tag: str, consumer: str, limit: int, start: str) -> list[Event]:
        key = self._ground.shards.key(tag, ":events")
        reply = await self._ground.shards.command(
            tag, "XREADGROUP", "GROUP", GROUP, consumer, "COUNT", limit, "STREAMS", key, start
        )
        if not reply:
            return []
        [(_, entries)] = reply.items() if isinstance(reply, dict) else reply
        return self._events(tag, entries)

    async def _taken_over(self, tag: str, consumer: str, limit: int) -> list[Event]:
        reply = await self._ground.command(
            tag, "XAUTOCLAIM", ":events", GROUP, consumer, SILENT_MS, "0", "COUNT", limit
        )
        return self._events(tag, reply[1])

    def _events(self, tag: str, entries: Any) -> list[Event]:
        found: list[Event] = []
        for position, fields in entries:
            if fields:  # None: deleted meanwhile
                found += self._of_entry(tag, position.decode(), fields[1::2])
        return found

    def _of_entry(self, tag: str, position: str, said: list[bytes]) -> list[Event]:
        """One, or what is left of several that one call said."""
        region = "" if tag == FLEET else region_of(tag)
        if len(said) == 1:
            return [event_of(f"{tag}/{position}", unpack(said[0]), region)]
        if len(self._open) >= MOST_OPEN:
            self._open.clear()  # what is left of them comes again, whole
        open_ = self._open.setdefault((tag, position), Open(len(said), set(range(len(said)))))
        return [
            event_of(f"{tag}/{position}#{number}", unpack(one), region)
            for number, one in enumerate(said)
            if number in open_.left
        ]
