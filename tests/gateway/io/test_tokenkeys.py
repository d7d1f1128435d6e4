"""Token keys through the store: waited for, followed, and kept through outages and garbage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from gateway.io import tokenkeys
from gateway.io.tokenkeys import TokenKeys
from moorage.keydocument import key_document
from moorage.keys import KeySet, KeyState, hs256_key
from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable
from tests.flows.system import until

FIRST = KeySet([hs256_key("first", b"1" * 32)])
SECOND = KeySet([hs256_key("first", b"1" * 32, KeyState.RETIRING), hs256_key("second", b"2" * 32)])


class Away(MemoryStore):
    """A memory store that may be out of reach."""

    is_away = False
    looks = 0

    async def token_keys(self) -> bytes | None:
        self.looks += 1
        if self.is_away:
            raise Unavailable("away")
        return await super().token_keys()


class Bench:
    """A store, the keys read from it, and their metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.store = Away()
        self.keys = TokenKeys(self.store, self.registry)

    def kids(self) -> list[str]:
        return [key.kid for key in self.keys.current]

    def loads(self, result: str) -> float:
        return self.registry.get_sample_value("moorage_gateway_token_keys_loads_total", {"result": result}) or 0.0

    async def looked(self) -> None:
        """Waits until the store was asked twice more."""
        seen = self.store.looks
        await until(lambda: self.store.looks >= seen + 2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenkeys, "REFRESH_SECONDS", 0.01)


@pytest.fixture
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    await bench.store.set_token_keys(key_document(FIRST))
    await bench.keys.load()
    task = asyncio.create_task(bench.keys.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_start_waits_until_a_control_plane_has_published_them() -> None:
    bench = Bench()
    bench.store.is_away = True
    loading = asyncio.create_task(bench.keys.load())
    await bench.looked()
    bench.store.is_away = False
    await bench.looked()
    with pytest.raises(LookupError):
        _ = bench.keys.current

    await bench.store.set_token_keys(key_document(FIRST))
    await asyncio.wait_for(loading, 5)

    assert bench.kids() == ["first"]
    assert bench.registry.get_sample_value("moorage_gateway_token_keys") == 1


async def test_a_new_document_is_followed(running: Bench) -> None:
    await running.store.set_token_keys(key_document(SECOND))

    await until(lambda: running.kids() == ["first", "second"])

    assert running.keys.current.active.kid == "second"
    assert running.loads("ok") == 2


async def test_the_last_good_set_outlives_outages_and_a_loss_of_data(running: Bench) -> None:
    held = running.keys.current
    running.store.is_away = True
    await running.looked()
    running.store.is_away = False
    running.store._board.token_keys = None

    await running.looked()

    assert running.keys.current is held


async def test_a_document_that_cannot_be_read_is_counted_once_and_changes_nothing(running: Bench) -> None:
    await running.store.set_token_keys(b'{"version": 1, "keys": "none"}')

    await until(lambda: running.loads("bad") == 1)
    await running.looked()

    assert running.kids() == ["first"]
    assert running.loads("bad") == 1
