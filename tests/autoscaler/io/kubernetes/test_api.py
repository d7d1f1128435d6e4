"""Calls of an API server that is slow, busy, forgetful of our credentials, or no API server at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes import api as module
from autoscaler.io.kubernetes.credentials import NoCredentials
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pen import Pen
from autoscaler.io.kubernetes.scale import Scale, ScaleSeen
from autoscaler.io.kubernetes.troubles import NotLeading, Refused, Unreachable
from tests.autoscaler.io.kubernetes.stub import CALL_SECONDS, Stub

SCALE = "/apis/apps/v1/namespaces/prod/deployments/web"


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


def a_scale(stub: Stub, *, leads: bool = True) -> Scale:
    return Scale(stub.api, Pen(stub.api, lambda: leads, stub.metrics), SCALE)


async def test_replicas_are_swapped_by_a_json_patch_that_tests_first(stub: Stub) -> None:
    stub.says("PATCH", f"{SCALE}/scale", {"spec": {"replicas": 5}})

    assert await a_scale(stub).write(5, was=3) == 5

    _, _, _, body = stub.seen[-1]
    assert body == [
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 5},
    ]


async def test_a_test_that_does_not_hold_is_a_lost_race_and_counted(stub: Stub) -> None:
    stub.refuses("PATCH", f"{SCALE}/scale", 422, "testing value failed")

    assert await a_scale(stub).write(5, was=3) is None
    assert stub.metrics.conflicts.labels("scale")._value.get() == 1


async def test_a_scale_without_replicas_has_none(stub: Stub) -> None:
    stub.says("GET", f"{SCALE}/scale", {"spec": {}, "status": {"selector": "app=web"}})

    assert await a_scale(stub).read() == ScaleSeen(0, "app=web")


async def test_nothing_is_sent_by_who_does_not_lead(stub: Stub) -> None:
    with pytest.raises(NotLeading):
        await a_scale(stub, leads=False).write(5, was=3)

    assert stub.seen == []


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asked(stub: Stub) -> None:
    stub.refuses("PATCH", f"{SCALE}/scale", 429, "slow down", Retry_After="7")
    stub.says("GET", f"{SCALE}/scale", {"spec": {"replicas": 1}})

    with pytest.raises(Refused) as first:
        await a_scale(stub).write(5, was=3)
    with pytest.raises(Refused) as second:
        await a_scale(stub).read()

    assert (first.value.status, first.value.retry_after) == (429, 7.0)
    assert second.value.is_throttled
    assert 6.0 < (second.value.retry_after or 0) <= 7.0
    assert len(stub.seen) == 1


@pytest.mark.parametrize(("said", "waits"), [("3600", 60.0), ("soon", None), ("-1", None), ("", None)])
async def test_a_retry_after_is_a_bounded_number_of_seconds_or_nothing(
    stub: Stub, said: str, waits: float | None
) -> None:
    stub.refuses("GET", "/it", 429, Retry_After=said)

    with pytest.raises(Refused) as refused:
        await stub.api.get("/it")

    assert refused.value.retry_after == waits


async def test_a_call_has_a_deadline_and_says_that_it_may_have_happened(stub: Stub) -> None:
    stub.on("PATCH", f"{SCALE}/scale", stub.hang)
    began = time.monotonic()

    with pytest.raises(Unreachable, match="took longer than 1 s"):
        await a_scale(stub).write(5, was=3)

    assert time.monotonic() - began < CALL_SECONDS + 5.0
    assert stub.metrics.calls.labels("PATCH", "unreachable")._value.get() == 1


async def test_a_body_that_never_ends_has_the_same_deadline(stub: Stub) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.05)
        return response

    stub.on("GET", "/it", drip)

    with pytest.raises(Unreachable):
        await stub.api.get("/it")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"a"'])
async def test_an_answer_that_is_no_object_is_no_answer(stub: Stub, body: str) -> None:
    async def nonsense(request: web.Request) -> web.Response:
        return web.Response(text=body)

    stub.on("GET", "/it", nonsense)

    with pytest.raises(Unreachable):
        await stub.api.get("/it")


async def test_an_answer_has_a_size_that_it_may_not_pass(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_AT_MOST", 1000)
    stub.says("GET", "/it", {"much": "a" * 2000})

    with pytest.raises(Unreachable, match="more than 1000 bytes"):
        await stub.api.get("/it")


async def test_a_proxy_that_refuses_in_html_is_a_refusal_with_its_status(stub: Stub) -> None:
    async def gateway(request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    stub.on("GET", "/it", gateway)

    with pytest.raises(Refused, match="502: Bad Gateway"):
        await stub.api.get("/it")


async def test_a_token_that_was_refused_is_read_anew_and_not_more_often_than_it_may(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.refuses("GET", "/it", 401, "expired")
    for _ in range(2):
        with pytest.raises(Refused):
            await stub.api.get("/it")
    assert stub.opened == 1
    monkeypatch.setattr(module, "_CREDENTIALS_EVERY", 0.0)

    for _ in range(2):
        with pytest.raises(Refused):
            await stub.api.get("/it")

    assert stub.opened == 2


async def test_a_server_that_is_not_there_is_unreachable(stub: Stub) -> None:
    await stub._runner.cleanup()

    with pytest.raises(Unreachable, match="GET /it"):
        await stub.api.get("/it")


async def test_credentials_that_are_gone_make_the_server_unreachable_and_not_the_program_end() -> None:
    async def none() -> ApiClient:
        raise NoCredentials("no way to a Kubernetes API server")

    api = module.Api(none, KubernetesMetrics(CollectorRegistry()))

    with pytest.raises(Unreachable, match="no way to"):
        await api.get("/it")


async def test_a_call_after_the_end_opens_nothing(stub: Stub) -> None:
    stub.says("GET", "/it", {})
    await stub.api.get("/it")
    await stub.api.close()

    with pytest.raises(Unreachable, match="is closed"):
        await stub.api.get("/it")

    assert stub.opened == 1
