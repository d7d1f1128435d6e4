"""The page that operators read names every kind of failure and every option, and asks for rights that suffice."""

from __future__ import annotations

import re
from pathlib import Path

from moorage.ids import GatewayId
from scheduler.io.redis.client.failures import Kind
from scheduler.io.redis.store import RedisStore
from scheduler.storeurl import OPTIONS, parse_store_url
from tests.redis_server import RedisServer

PAGE = Path(__file__).parents[5] / "docs" / "redis.md"


GATEWAY = GatewayId("gtw_00000000000000000000000001")


def _page() -> str:
    return PAGE.read_text(encoding="utf-8")


def _first_column() -> set[str]:
    rows = [line.split("|")[1] for line in _page().splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def test_every_kind_of_failure_is_explained() -> None:
    assert set(Kind) <= _first_column()


def test_every_option_is_explained_and_no_other() -> None:
    assert set(OPTIONS) == _first_column() - set(Kind)


async def test_the_rights_that_the_page_asks_for_suffice(server: RedisServer) -> None:
    rights, keys, channels = re.findall(r"A user may do `(.*?)`, on keys `(.*?)` and channels `(.*?)`", _page())[0]
    server.call("ACL", "SETUSER", "fleet", "on", ">pw", *rights.split(), keys, channels)
    url = parse_store_url(server.url.replace("//", "//fleet:pw@"))
    store = RedisStore(url)
    await store.open()
    try:
        watch = store.watch(GATEWAY)
        await store.join(GATEWAY, "ws://here")
        await store.sweep()
        await store.set_token_keys(b"{}")
        assert await store.nodes() == {GATEWAY: "ws://here"}
        assert await store.events("control plane", 10, 0.0) == []
        await store.leave(GATEWAY)
        assert all([notice async for notice in watch])
    finally:
        await store.close()
