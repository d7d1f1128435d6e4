"""Who comes in, from where, with which token in which place, and what the worker is told about it."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from ipaddress import ip_network
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from gateway.policy import GatewayPolicy, Handshakes, Trust
from moorage.claims import Claim, verify_claim
from tests.builders import a_request, a_session, a_token
from tests.flows.system import SOON, System, closed

LOOPBACK = (ip_network("127.0.0.0/8"),)


async def status_of(system: System, **options: Any) -> tuple[int, dict[str, Any], str | None]:
    """HTTP status, problem document and Retry-After of a refused client."""
    with pytest.raises(InvalidStatus) as refused:
        async with system.connect(**options):
            pass
    response = refused.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.body), response.headers.get("Retry-After")


@pytest.mark.parametrize("carrier", ["authorization", "subprotocol", "query"])
async def test_a_token_comes_in_three_places_and_the_worker_sees_it_in_none(system: System, carrier: str) -> None:
    worker = await system.worker()
    token = system.token()
    query, offered, headers = "?a=b", ["chat", "moorage.v1"], []
    if carrier == "query":
        query += f"&token={token}"
    elif carrier == "subprotocol":
        offered.append(f"moorage.token.{token}")
    else:
        headers.append(("Authorization", f"Bearer {token}"))

    async with connect(
        system.url(f"/x{query}"),
        subprotocols=[Subprotocol(one) for one in offered],
        additional_headers=headers,
        proxy=None,
    ) as client:
        await client.send("in")
        assert await client.recv() == "in"

    request = worker.requests[0]
    assert token not in repr(request)
    assert token.split(".")[2] not in repr(request)
    assert (request.path, request.headers["Sec-WebSocket-Protocol"]) == ("/x?a=b", "chat, moorage.v1")


async def test_a_browser_with_a_token_subprotocol_gets_ours_selected(system: System) -> None:
    await system.worker()
    offered = [Subprotocol("moorage.v1"), Subprotocol(f"moorage.token.{system.token()}")]

    async with connect(system.url(), subprotocols=offered, origin=Origin("https://a.example"), proxy=None) as client:
        assert client.subprotocol == "moorage.v1"


async def test_the_worker_is_told_who_the_client_is(system: System) -> None:
    worker = await system.worker()
    context = {"quality": "high", "features": ["a"], "metadata": {"b": 1}}

    async with system.connect(said={"context": context}):
        pass

    token = a_token()
    claim = verify_claim(worker.header("Moorage-Claim")[0], worker.registered.claim_key)
    assert claim == Claim(worker.id, a_session(), claim.fence)
    assert worker.header("Moorage-Session") == [token.session]
    assert worker.header("Moorage-User") == [token.user]
    assert worker.header("Moorage-Workspace") == [token.workspace]
    assert json.loads(urlsafe_b64decode(worker.header("Moorage-Context")[0])) == context
    assert worker.header("X-Forwarded-For") == ["127.0.0.1"]
    assert len(worker.header("traceparent")) == 1


async def test_forged_headers_do_not_reach_the_worker(system: System) -> None:
    worker = await system.worker()
    forged = [
        ("Moorage-User", "forged"),
        ("moorage-claim", "forged"),
        ("Moorage_Session", "forged"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6"),
    ]

    async with system.connect(additional_headers=forged):
        pass

    assert "forged" not in repr(worker.requests[0].headers)
    assert "6.6.6.6" not in repr(worker.requests[0].headers)


async def test_behind_a_trusted_proxy_the_client_is_whom_it_forwards_for() -> None:
    async with System(GatewayPolicy(trust=Trust(trusted_proxies=LOOPBACK))) as system:
        worker = await system.worker()

        async with system.connect(additional_headers=[("X-Forwarded-For", "6.6.6.6, 203.0.113.5")]):
            pass

        assert worker.header("X-Forwarded-For") == ["203.0.113.5"]


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 203.0.113.5 127.0.0.1 4711 7400\r\n",
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes((203, 0, 113, 5, 127, 0, 0, 1, 0x12, 0x67, 0x1C, 0xE8)),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_a_proxy_header_names_the_client_however_it_is_split(header: bytes, step: int) -> None:
    async with System(GatewayPolicy(trust=Trust(proxy_protocol_from=LOOPBACK))) as system:
        worker = await system.worker()
        sent = header + a_request(Authorization=f"Bearer {system.token()}")

        async with system.raw() as (reader, writer):
            for at in range(0, len(sent), step):
                writer.write(sent[at : at + step])
                await asyncio.sleep(0)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)

        assert head.startswith(b"HTTP/1.1 101 ")
        assert worker.header("X-Forwarded-For") == ["203.0.113.5"]


async def test_a_listed_peer_that_sends_no_proxy_header_is_dropped() -> None:
    async with System(GatewayPolicy(trust=Trust(proxy_protocol_from=LOOPBACK))) as system:
        async with system.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), SOON)

        assert system.metric("moorage_gateway_connects_total", result="proxy") == 1


async def test_limits_per_address_do_not_hit_everyone_behind_one_balancer() -> None:
    bounds = Handshakes(connects_per_second_per_address=0.1, connect_burst_per_address=2)
    policy = GatewayPolicy(handshakes=bounds, trust=Trust(trusted_proxies=LOOPBACK))
    async with System(policy) as system:
        await system.worker(slots=50)
        for client in range(8):
            async with system.connect(client, additional_headers=[("X-Forwarded-For", f"203.0.113.{client}")]):
                pass

        one = [("X-Forwarded-For", "203.0.113.99")]
        for number in (20, 21):
            async with system.connect(number, additional_headers=one):
                pass
        status, problem, retry_after = await status_of(system, number=22, additional_headers=one)

        assert (status, problem["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert retry_after is not None


async def test_an_address_that_connects_too_often_is_turned_away() -> None:
    async with System(
        GatewayPolicy(handshakes=Handshakes(connects_per_second_per_address=0.1, connect_burst_per_address=1))
    ) as system:
        await system.worker()
        async with system.connect():
            pass

        async with system.raw() as (reader, _):
            answer = await asyncio.wait_for(reader.read(), SOON)

        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"RATE_LIMIT_EXCEEDED" in answer


@pytest.mark.parametrize(
    ("target", "token", "status", "code"),
    [
        ("/", "nonsense", 401, "INVALID_SESSION_TOKEN"),
        ("/?token=another", None, 400, "BAD_REQUEST"),
    ],
)
async def test_programs_read_an_http_refusal(
    system: System, target: str, token: str | None, status: int, code: str
) -> None:
    seen, problem, _ = await status_of(system, target=target, token=token)

    assert (seen, problem["status"], problem["code"]) == (status, status, code)


async def test_no_worker_at_all_is_no_capacity_at_once(system: System) -> None:
    status, problem, retry_after = await status_of(system)

    assert (status, problem["code"], problem["retryable"]) == (503, "NO_CAPACITY", True)
    assert retry_after is not None


@pytest.mark.parametrize(
    "options", [{"origin": Origin("https://a.example")}, {"subprotocols": [Subprotocol("moorage.v1")]}]
)
async def test_browsers_and_our_clients_read_a_close_code(system: System, options: dict[str, Any]) -> None:
    async with system.connect(**options) as client:
        code, reason = await closed(client)

    assert code == 4503
    assert json.loads(reason)["code"] == "NO_CAPACITY"
    assert json.loads(reason)["retry_after"] > 0


async def test_a_page_that_may_not_connect_is_told_so_in_a_form_it_sees() -> None:
    async with System(GatewayPolicy(trust=Trust(origins=("https://app.example",)))) as system:
        await system.worker()
        async with system.connect(origin=Origin("https://evil.example")) as client:
            refused = await closed(client)
        async with system.connect(origin=Origin("https://app.example")) as client:
            await client.send("hi")
            assert await client.recv() == "hi"

        assert refused == (4403, '{"code":"PERMISSION_DENIED"}')


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (a_request(extra=[("Host", "b")]), 400),
        (a_request(extra=[("Content-Length", "5")]), 400),
        (a_request(extra=[("A", "b\nX: y")]), 400),
        (a_request(extra=[("A", "x" * 20_000)]), 431),
        (b"x" * 30_000, 431),
        (a_request(), 401),
        (a_request("/?token=" + "A" * 100_000), 431),
        (a_request("/?token=" + "A" * 12_000), 401),
    ],
)
async def test_bad_requests_get_a_proper_answer_and_an_orderly_end(system: System, raw: bytes, status: int) -> None:
    async with system.raw() as (reader, writer):
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), SOON)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["status"] == status


async def test_a_gateway_of_another_region_refuses() -> None:
    async with System(GatewayPolicy(region="eu")) as system:
        status, problem, _ = await status_of(system, said={"regions": ("us",)})

        assert (status, problem["code"]) == (403, "PERMISSION_DENIED")


async def test_a_subprotocol_that_was_not_offered_never_reaches_the_client(system: System) -> None:
    await system.worker(select_subprotocol=lambda connection, offered: Subprotocol("invented"))

    status, problem, _ = await status_of(system, subprotocols=[Subprotocol("chat")])

    assert (status, problem["code"]) == (503, "NO_CAPACITY")
    assert system.metric("moorage_gateway_dial_failures_total", why="garbage") == 1


async def test_no_token_is_in_any_log(capfd: pytest.CaptureFixture[str]) -> None:
    async with System() as system:
        tokens = [system.token(), system.token()[:-3] + "abc"]
        for token in tokens:  # no worker, and a bad signature: both are refusals, which are logged
            for target, options in ((f"/?token={token}", {}), ("/", {"Authorization": f"Bearer {token}"})):
                with pytest.raises(InvalidStatus):
                    async with connect(system.url(target), additional_headers=options, proxy=None):
                        pass
        await system.worker()
        async with system.connect() as client:
            await client.send("in")
            await client.recv()
    logged = "".join(capfd.readouterr())

    assert "refused" in logged
    assert not [token for token in tokens if token in logged or token.split(".")[2] in logged]


async def test_ipv6_is_spoken_on_both_sides() -> None:
    async with System(GatewayPolicy(host="::1")) as system:
        worker = await system.worker(host="::1")
        async with system.connect() as client:
            await client.send("six")
            heard = await client.recv()

        assert heard == "six"
        assert worker.header("X-Forwarded-For") == ["::1"]
        assert system.gateway.node.startswith("ws://[::1]:")
