"""Which store a program works on, by its URL, and how long its start waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter

from moorage.cli.policies import embedded_policy, scheduler_policy
from moorage.cli.settings import Settings
from moorage.cli.sources import WrongSetting
from scheduler.io.memory import MemoryStore
from scheduler.io.memory.boardfile import BoardFile
from scheduler.store import Store, Unavailable
from scheduler.storeurl import StoreUrl, WrongStoreUrl, parse_store_url

MEMORY = "memory:"
ASK_AGAIN = 0.25
ADVICE = "start it, or correct store.url (--store, MOORAGE_STORE__URL)"

_log = structlog.get_logger("moorage.store")


class StoreAway(RuntimeError):
    """The store was not reached within the time of a start."""


class _Opens(Protocol):
    async def open(self) -> None: ...


def is_memory(url: str) -> bool:
    """Whether this is the store of one process alone."""
    return url in ("", MEMORY)


def checked(url: str) -> StoreUrl | None:
    """None for memory. Raises WrongSetting for what is no address of a store."""
    if is_memory(url):
        return None
    try:
        return parse_store_url(url)
    except WrongStoreUrl as error:
        raise WrongSetting(f"store.url (--store, MOORAGE_STORE__URL) is wrong: {error}") from error


def shared(url: str, program: str) -> StoreUrl:
    """For a program that is not alone. Raises WrongSetting for memory too."""
    found = checked(url)
    if found is None:
        raise WrongSetting(
            f"`moorage {program}` shares its store with other processes, and memory cannot be shared: "
            "name one with --store redis://host:port or MOORAGE_STORE__URL (`moorage up` needs none)"
        )
    return found


@asynccontextmanager
async def open_store(settings: Settings, registry: CollectorRegistry) -> AsyncIterator[Store]:
    """The store of these settings, reached. Raises WrongSetting, StoreAway, or what says that it cannot be used."""
    url = checked(settings.store.url)
    if url is None:
        yield MemoryStore(policy=embedded_policy(settings), keeper=BoardFile(settings.data))
        return
    from scheduler.io.redis.store import RedisStore

    failures = Counter(
        "moorage_scheduler_store_failures", "Calls to the store that failed, by kind.", ("kind",), registry=registry
    )
    store = RedisStore(url, scheduler_policy(settings), lambda kind: failures.labels(kind).inc())
    try:
        await reach(store, url, settings.store.wait_seconds)
        yield store
    finally:
        await store.close()


async def reach(store: _Opens, url: StoreUrl, within: float) -> None:
    """Opens it, again and again while it is away. Raises StoreAway after `within` seconds, and any other error at once."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    is_said = False
    while True:
        try:
            return await store.open()
        except Unavailable as error:
            if loop.time() >= until:
                raise StoreAway(f"the store cannot be used: {str(error) or url}; {ADVICE}") from error
            if not is_said:
                _log.warning("store_awaited", store=str(url), detail=str(error), seconds=within)
                is_said = True
        await asyncio.sleep(ASK_AGAIN)
