"""Lists in pages, watches, and what becomes of a copy whose server forgets, hangs or says nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from autoscaler.io.kubernetes.reflector import Pace, PodReflector
from moorage.backoff import Backoff
from tests.autoscaler.io.kubernetes.stub import Stub, Watch, until
from tests.autoscaler.kubernetes_builders import a_pod_document

PATH = "/api/v1/namespaces/prod/pods"
QUICK = Pace(watch_seconds=1, silence=0.4, stale_after=0.6, backoff=Backoff(first=0.01, most=0.05))


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


@asynccontextmanager
async def a_reflector(stub: Stub, pace: Pace | None = None) -> AsyncIterator[PodReflector]:
    """It runs."""
    found = PodReflector(stub.api, stub.metrics, path=PATH, selector="app=web", pace=pace)
    running = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def names(reflector: PodReflector) -> set[str]:
    return {pod.name for pod in reflector.pods.values()}


async def test_a_list_of_several_pages_is_one_copy_and_the_watch_begins_where_it_ended(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document(name) for name in "abcde"]
    async with a_reflector(stub) as reflector:
        await until(lambda: server.watches)

        assert names(reflector) == set("abcde")
        assert reflector.is_fresh
        asked = server.watches[0]
        assert (asked["resourceVersion"], asked["labelSelector"]) == ("100", "app=web")
        assert asked["allowWatchBookmarks"] == "true"


async def test_events_change_the_copy_and_a_bookmark_only_where_it_is(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document("a"), a_pod_document("b")]
    async with a_reflector(stub) as reflector:
        await until(lambda: server.watches)

        server.tell("DELETED", a_pod_document("a", version="101"))
        server.tell("ADDED", a_pod_document("c", version="102"))
        server.tell("MODIFIED", a_pod_document("b", version="103", is_ready=False))
        server.tell("BOOKMARK", {"metadata": {"resourceVersion": "150"}})
        server.end()
        await until(lambda: len(server.watches) == 2)

        assert names(reflector) == {"b", "c"}
        assert not reflector.pods["uid-b"].is_ready
        assert server.watches[1]["resourceVersion"] == "150"
        assert server.lists == 1


async def test_a_page_that_expired_begins_the_list_anew(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document(name) for name in "abc"]
    server.expires_pages = 1
    async with a_reflector(stub) as reflector:
        await until(lambda: server.watches)

        assert names(reflector) == set("abc")
        assert server.lists == 2


async def test_a_watch_that_expired_is_followed_by_a_new_list_and_forgets_what_is_gone(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document("a")]
    async with a_reflector(stub, QUICK) as reflector:
        await until(lambda: server.watches)
        server.pods, server.version = [a_pod_document("b")], 900

        server.tell("ERROR", {"code": 410, "message": "too old resource version"})
        await until(lambda: len(server.watches) == 2)

        assert names(reflector) == {"b"}
        assert server.watches[1]["resourceVersion"] == "900"
        assert stub.metrics.relists.labels("expired")._value.get() == 1


async def test_another_error_of_a_watch_is_waited_out_without_a_new_list(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.first_words = [{"type": "ERROR", "object": {"code": 500, "message": "etcd"}}]
    async with a_reflector(stub, QUICK):
        await until(lambda: len(server.watches) == 2)

        assert server.lists == 1


async def test_a_watch_that_hangs_is_begun_anew_and_never_counts_as_fresh_for_long(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document("a")]
    async with a_reflector(stub, QUICK) as reflector:
        await until(lambda: server.watches)

        await until(lambda: len(server.watches) == 2)
        assert reflector.is_fresh
        stub.is_hanging = True
        await until(lambda: not reflector.is_fresh)

        assert names(reflector) == {"a"}
        stub.is_hanging = False
        await until(lambda: reflector.is_fresh)


async def test_nonsense_in_a_watch_is_followed_by_a_new_list(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.first_words = [{"type": "ADDED", "object": {"metadata": {}}}]
    async with a_reflector(stub, QUICK) as reflector:
        await until(lambda: len(server.watches) == 2)

        assert server.lists == 2
        assert stub.metrics.relists.labels("unreadable")._value.get() == 1
        assert reflector.is_fresh


async def test_a_server_that_is_away_is_asked_again_and_nothing_is_forgotten(stub: Stub) -> None:
    stub.refuses("GET", PATH, 503)
    async with a_reflector(stub, QUICK) as reflector:
        await until(lambda: stub.count("GET", PATH) >= 3)
        assert not reflector.is_fresh

        server = Watch(stub, PATH)
        server.pods = [a_pod_document("a")]
        await until(lambda: reflector.is_fresh)

        assert names(reflector) == {"a"}


async def test_a_read_asks_the_server_and_leaves_the_copy_alone(stub: Stub) -> None:
    server = Watch(stub, PATH)
    server.pods = [a_pod_document("a")]
    async with a_reflector(stub) as reflector:
        await until(lambda: server.watches)
        server.pods = [a_pod_document("b")]

        found = await reflector.read()

        assert set(found) == {"uid-b"}
        assert names(reflector) == {"a"}
