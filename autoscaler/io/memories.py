"""One pool's memory in the store: read once by whoever becomes its leader, written when it changed, not too often."""

from __future__ import annotations

import asyncio

import structlog

from autoscaler.memories import decode, encode
from autoscaler.memory import Memory
from autoscaler.observing import Place
from scheduler.store import Store, Unavailable

KEEP_EVERY = 10.0
ANSWER_WITHIN = 2.0
_log = structlog.get_logger("moorage.autoscaler")


def name_of(place: Place) -> str:
    """Under which it is kept."""
    return f"autoscaler:{place[0]}/{place[1]}"


class Memories:
    """Of one pool."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place
        self._kept: bytes | None = None
        self._kept_at = -KEEP_EVERY

    async def recall(self) -> Memory | None:
        """As last kept, empty where nothing was. None: the store cannot be reached, and it is asked again at the next look."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                document = await self._store.memory(name_of(self._place))
        except (Unavailable, TimeoutError):
            return None
        self._kept = document
        return Memory() if document is None else self._decoded(document)

    async def keep(self, memory: Memory, *, at_once: bool = False) -> bool:
        """Whether the store has it. Without `at_once` it may be left for later, and that counts as kept."""
        now = asyncio.get_running_loop().time()
        if not at_once and now < self._kept_at + KEEP_EVERY:
            return True
        document = encode(memory)
        if document == self._kept:
            return True
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._store.keep_memory(name_of(self._place), document)
        except (Unavailable, TimeoutError):
            return False
        self._kept, self._kept_at = document, now
        return True

    def _decoded(self, document: bytes) -> Memory:
        """What another version wrote is forgotten: measured again within minutes, and its cordons count as an operator's."""
        memory = decode(document)
        if memory is None:
            _log.error("memory_forgotten", pool=self._place, bytes=len(document))
            return Memory()
        return memory
