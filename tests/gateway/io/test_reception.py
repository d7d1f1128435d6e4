"""The first bytes of a connection: one deadline for all, and an answer only where somebody can read it."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import ip_network

import pytest

from gateway.io.deadlines import Deadlines
from gateway.io.reception import NotWorthAnAnswer, Received, Reception
from gateway.io.wire import TlsContext
from gateway.policy import GatewayPolicy, Handshakes, Trust
from gateway.refusals import Refusal
from tests.builders import a_request
from tests.gateway.io.quay import ScriptedStream

TLS: TlsContext = object()
PROXIES = Trust(proxy_protocol_from=(ip_network("192.0.2.0/24"),))


async def received(stream: ScriptedStream, trust: Trust | None = None, tls: TlsContext | None = None) -> Received:
    policy = GatewayPolicy(handshakes=Handshakes(seconds=0.2, header_bytes=1000), trust=trust or Trust())
    deadlines = Deadlines()
    try:
        return await Reception(policy, lambda: tls, deadlines).receive(stream)
    finally:
        deadlines.close()


async def test_a_request_in_any_pieces_is_read_and_what_is_behind_it_put_back() -> None:
    raw = a_request("/x") + b"early"
    for step in (1, 3, len(raw)):
        stream = ScriptedStream(*[raw[at : at + step] for at in range(0, len(raw), step)])

        got = await received(stream)

        assert (got.upgrade.target, got.peer) == ("/x", "192.0.2.1")
        assert b"".join(line for line in stream.lines if isinstance(line, bytes)) == b"early"


async def test_tls_is_served_before_the_request() -> None:
    stream = ScriptedStream(a_request())

    await received(stream, tls=TLS)

    assert stream.secured == [TLS]


@pytest.mark.parametrize(("lines", "status"), [([b"GET / HT"], 408), ([b"x" * 600] * 2, 431), ([b"\r\n\r\n"], 400)])
async def test_a_client_that_can_be_answered_is_told_what_is_wrong(lines: list[bytes], status: int) -> None:
    with pytest.raises(Refusal) as refused:
        await received(ScriptedStream(*lines))

    assert refused.value.status == status


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (ScriptedStream(ends=True), "gone"),
        (ScriptedStream(b"GET /", ends=True), "proxy"),
        (ScriptedStream(a_request()), "proxy"),
        (ScriptedStream(b"PROXY TC", ends=True), "gone"),
        (ScriptedStream(b"PROXY TC"), "timeout"),
        (ScriptedStream(), "timeout"),
    ],
)
async def test_behind_a_proxy_a_connection_without_its_header_is_not_answered(stream: ScriptedStream, why: str) -> None:
    with pytest.raises(NotWorthAnAnswer, match=why):
        await received(ScriptedStream(*stream.lines, ends=stream.ends), PROXIES)


async def test_a_failed_handshake_is_not_answered() -> None:
    class Broken(ScriptedStream):
        async def start_tls(self, context: TlsContext) -> None:
            raise ssl.SSLError("no cipher in common")

    with pytest.raises(NotWorthAnAnswer, match="tls"):
        await received(Broken(), tls=TLS)


async def test_a_handshake_that_does_not_end_is_cut_in_time() -> None:
    class Stuck(ScriptedStream):
        async def start_tls(self, context: TlsContext) -> None:
            await asyncio.Event().wait()

    with pytest.raises(NotWorthAnAnswer, match="timeout"):
        await received(Stuck(), tls=TLS)


async def test_a_proxy_that_speaks_for_itself_keeps_its_address() -> None:
    got = await received(ScriptedStream(b"PROXY UNKNOWN\r\n" + a_request()), PROXIES)

    assert got.peer == "192.0.2.1"
