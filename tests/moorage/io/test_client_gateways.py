"""The client SDK knows several gateways: what one cannot do any more, another one does at once."""

from __future__ import annotations

import asyncio

import pytest

import moorage
from moorage.errors import Code, MoorageError, close_reason
from moorage.io.dialing import Address
from tests.moorage.io.harbour import WAIT, eventually
from tests.moorage.io.scripted import a_gateway, closes, cuts, echo, ping, refuses
from tests.owntime import own_time

NOBODY = "ws://127.0.0.1:1"


async def test_a_gateway_that_is_not_there_costs_no_wait() -> None:
    async with (
        a_gateway() as there,
        own_time() as own,
        moorage.connect(NOBODY, "tok", gateways=[NOBODY, there.url]) as ws,
    ):
        await ping(ws)

        assert own.seconds < 0.2
        assert there.tokens == ["tok"]


@pytest.mark.parametrize(
    "going", [cuts(after=1), closes(1012, close_reason(Code.DRAINING, 0.01), after=1)], ids=["cut", "draining"]
)
async def test_who_loses_a_gateway_goes_to_another_and_stays_there(going: object) -> None:
    async with (
        a_gateway(going, echo) as first,  # type: ignore[arg-type]
        a_gateway(cuts(after=1), echo) as second,
        moorage.connect(first.url, "tok", gateways=[second.url]) as ws,
    ):
        await ping(ws)
        await eventually(lambda: ws.attaches == 2)
        await ping(ws)

        await eventually(lambda: ws.attaches == 3)
        assert (len(first.tokens), len(second.tokens)) == (2, 1)


async def test_a_gateway_that_refuses_because_it_is_going_is_passed_over() -> None:
    async with a_gateway(refuses(Code.DRAINING, 30.0)) as going, a_gateway() as there:
        async with own_time() as own, moorage.connect(going.url, "tok", gateways=[there.url]) as ws:
            await ping(ws)

        assert own.seconds < 1.0


async def test_a_lost_worker_is_no_reason_to_leave_a_gateway() -> None:
    lost = closes(4502, close_reason(Code.WORKER_LOST, 0.01), after=1)
    async with (
        a_gateway(lost, echo) as first,
        a_gateway() as second,
        moorage.connect(first.url, "tok", gateways=[second.url]) as ws,
    ):
        await ping(ws)
        await eventually(lambda: ws.attaches == 2)

        assert (len(first.tokens), len(second.tokens)) == (2, 0)


async def test_a_refusal_that_is_about_the_session_is_not_asked_for_twice() -> None:
    async with a_gateway(refuses(Code.SESSION_ENDED)) as first, a_gateway() as second:
        with pytest.raises(MoorageError) as caught:
            await moorage.connect(first.url, "tok", gateways=[second.url])

        assert caught.value.code is Code.SESSION_ENDED
        assert second.tokens == []


async def test_all_gateways_gone_is_told_when_the_patience_ends() -> None:
    with pytest.raises(MoorageError) as caught:
        await asyncio.wait_for(moorage.connect(NOBODY, "tok", gateways=["ws://127.0.0.1:2"], connect_seconds=0.3), WAIT)

    assert caught.value.code is Code.WEBSOCKET_CONNECTION_FAILED


def test_path_and_query_are_the_sessions_own() -> None:
    address = Address("wss://a.example/chat?x=1", gateways=("wss://b.example", "ws://c.example:7400/other"))

    assert address.urls() == ["wss://a.example/chat?x=1", "wss://b.example/chat?x=1", "ws://c.example:7400/chat?x=1"]


def test_an_address_that_is_no_gateway_is_refused() -> None:
    with pytest.raises(ValueError, match="https://b"):
        moorage.connect("wss://a.example", "tok", gateways=["https://b.example"])
