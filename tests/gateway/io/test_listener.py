"""The door: a bug behind it is an answer and a metric, and closing it drops who is not in yet."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.typing import Origin

from gateway.io.attaching import Attacher
from tests.builders import a_request
from tests.connections import a_connection
from tests.flows.system import SOON, System, closed, until


@pytest.fixture
async def broken(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    async def attach(self: Attacher, *args: Any) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(Attacher, "attach", attach)
    system = System()
    async with system:
        yield system
        assert system.metric("moorage_gateway_faults_total") > 0
        system.gateway.metrics.faults.reset()


async def test_a_bug_is_an_answer_in_both_forms_without_its_details(broken: System) -> None:
    async with broken.raw() as (reader, writer):
        writer.write(a_request(Authorization=f"Bearer {broken.token()}"))
        answer = await asyncio.wait_for(reader.read(), SOON)
    async with broken.connect(origin=Origin("https://a.example")) as browser:
        code, reason = await closed(browser)

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in answer
    assert (code, json.loads(reason)["code"]) == (1011, "INTERNAL")


async def test_a_gateway_that_closes_drops_who_is_not_in_yet() -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = System()
        async with system:
            reader, writer = await stack.enter_async_context(a_connection(system.gateway.port))
            writer.write(b"GET / HT")
            await until(lambda: system.metric("moorage_gateway_handshakes") == 1)

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), SOON)


async def test_a_refused_client_gets_its_answer_although_it_goes_on_sending() -> None:
    async with System() as system, system.raw() as (reader, writer):
        writer.write(a_request() + b"x" * 200_000)
        answer = await asyncio.wait_for(reader.read(), SOON)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"INVALID_SESSION_TOKEN" in answer
