"""The gateway's end of the link, spoken to byte by byte: who gets in, and what nonsense costs."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from gateway.io import link as link_module
from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.ids import GatewayId, WorkerId
from moorage.link import (
    MAX_MESSAGE_BYTES,
    Ack,
    Directive,
    Drained,
    Goodbye,
    Heartbeat,
    LinkRefused,
    Listed,
    Message,
    Order,
    Register,
    Registered,
    Unknown,
)
from moorage.link_wire import decode, encode
from scheduler import values
from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable
from scheduler.values import JoinKey, WorkerState
from tests.moorage.io.harbour import JOIN_KEY, WAIT, Harbour, a_harbour, closed, eventually, session_id

REGISTER = Register("w", "eu", "gpu", "127.0.0.1:7500", 4)
GATEWAY = GatewayId("gtw_9")


@pytest_asyncio.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with a_harbour() as harbour:
        yield harbour


async def dial(server: LinkServer, key: str | None = JOIN_KEY, path: str = "/link", **options: Any) -> ClientConnection:
    usual: dict[str, Any] = {"subprotocols": [Subprotocol("moorage.link.v1")], "compression": None}
    usual.update(options)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    scheme = "wss" if "ssl" in options else "ws"
    url = f"{scheme}://localhost:{server.port}{path}"
    return await connect(url, additional_headers=headers, proxy=None, **usual)


async def refused(server: LinkServer, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        await dial(server, **options)
    response = caught.value.response
    return response.status_code, json.loads(response.body)["code"]


@asynccontextmanager
async def a_link(server: LinkServer, register: Message | None = REGISTER) -> AsyncIterator[ClientConnection]:
    """Dialled; registered unless told otherwise."""
    async with await dial(server) as link:
        if register is not None:
            await say(link, register)
        yield link


async def say(link: ClientConnection, message: Message) -> None:
    await link.send(encode(message))


async def hear(link: ClientConnection) -> Message:
    async with asyncio.timeout(WAIT):
        return decode(await link.recv())


async def welcomed(link: ClientConnection) -> Registered:
    answer = await hear(link)
    assert isinstance(answer, Registered), answer
    return answer


async def test_a_worker_registers_beats_and_serves(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        assert link.subprotocol == "moorage.link.v1"
        place = await welcomed(link)
        view = await harbour.store.worker(place.worker_id)
        assert view is not None
        assert view.state is WorkerState.STARTING

        await say(link, Heartbeat(1, 0, load=0.25))

        assert await hear(link) == Ack(1)
        view = await harbour.store.worker(place.worker_id)
        assert view is not None
        assert (view.state, view.load, view.address) == (WorkerState.SERVING, 0.25, "127.0.0.1:7500")
        assert harbour.count("moorage_gateway_links") == 1


async def test_a_goodbye_removes_the_worker_and_silence_does_not(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as link:
        silent = (await welcomed(link)).worker_id
        link.transport.abort()
    async with a_link(server) as link:
        polite = (await welcomed(link)).worker_id
        await say(link, Drained())
        await say(link, Goodbye("done"))

        assert await closed(link) == (1000, "")

    assert await harbour.store.worker(silent) is not None
    assert await harbour.store.worker(polite) is None
    await eventually(lambda: harbour.count("moorage_gateway_links") == 0)


async def test_a_directive_goes_over_the_workers_link(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as link:
        worker = (await welcomed(link)).worker_id
        await server.deliver(worker, values.Directive(values.Order.MOVE, session_id("a"), 7, reason="drain"))

        assert await hear(link) == Directive(Order.MOVE, session_id("a"), 7, None, "drain")
    await server.deliver(WorkerId("wrk_nobody"), values.Directive(values.Order.CORDON))
    assert harbour.count("moorage_gateway_link_directives_total", result="unlinked") == 1


async def test_a_worker_that_registers_again_keeps_its_id_and_its_newest_link(harbour: Harbour) -> None:
    server = harbour.gateways[0]
    async with a_link(server) as older:
        place = await welcomed(older)
        again = Register("w", "eu", "gpu", "127.0.0.1:7500", 4, again=place.worker_id, claim_key=place.claim_key)
        async with a_link(server, again) as newer:
            assert (await welcomed(newer)).worker_id == place.worker_id
            assert (await closed(older))[0] == 4409

            await server.deliver(place.worker_id, values.Directive(values.Order.CORDON))
            assert await hear(newer) == Directive(Order.CORDON)


async def test_an_unknown_worker_is_told_to_register_again_and_may_on_the_same_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await harbour.store.remove(worker)
        await say(link, Heartbeat(1, 0))

        assert await hear(link) == Ack(0)
        told = await hear(link)
        assert isinstance(told, Directive)
        assert told.order is Order.REGISTER
        await say(link, REGISTER)
        assert (await welcomed(link)).worker_id != worker
        assert harbour.count("moorage_gateway_links") == 1


async def test_the_store_answers_heartbeats_with_its_orders(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await say(link, Heartbeat(1, 1, attached=(Listed(session_id("a"), 5, is_attached=True),)))

        heard = [await hear(link), await hear(link)]
        assert Ack(1) in heard
        assert Directive(Order.END_SESSION, session_id("a"), 5, None, "NOT_YOURS") in heard


# Who is not let in.


@pytest.mark.parametrize("key", [None, "", "wrong", "jk_test x", "ü"])
async def test_without_a_join_key_there_is_no_link(harbour: Harbour, key: str | None) -> None:
    assert await refused(harbour.gateways[0], key=key) == (401, "INVALID_JOIN_KEY")


async def test_other_paths_versions_and_none_are_refused_before_the_link_opens(harbour: Harbour) -> None:
    server = harbour.gateways[0]

    assert await refused(server, path="/other") == (404, "NOT_FOUND")
    assert await refused(server, subprotocols=["moorage.link.v9"]) == (400, "BAD_REQUEST")
    assert await refused(server, subprotocols=None) == (400, "BAD_REQUEST")


async def test_a_newer_worker_speaks_the_common_version(harbour: Harbour) -> None:
    async with await dial(
        harbour.gateways[0], subprotocols=[Subprotocol("moorage.link.v9"), Subprotocol("moorage.link.v1")]
    ) as link:
        assert link.subprotocol == "moorage.link.v1"


@pytest.mark.parametrize(
    ("register", "close", "code"),
    [
        (Register("w", "eu", "gpu", "8.8.8.8:7500", 4), 4403, "PERMISSION_DENIED"),
        (Register("w", "eu", "gpu", "127.0.0.1", 4), 4400, "BAD_REQUEST"),
        (Register("", "eu", "gpu", "127.0.0.1:1", 4), 4400, "UNPROCESSABLE"),
    ],
)
async def test_a_registration_that_is_not_allowed_says_why_and_closes(
    harbour: Harbour, register: Register, close: int, code: str
) -> None:
    async with a_link(harbour.gateways[0], register) as link:
        answer = await hear(link)

        assert isinstance(answer, LinkRefused)
        assert answer.code.value == code
        assert (await closed(link))[0] == close
    assert await harbour.store.workers() == []
    assert harbour.count("moorage_gateway_link_registrations_total", result=code) == 1


async def test_a_key_is_bound_to_its_pool_and_region(harbour: Harbour) -> None:
    await harbour.store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "cpu", "*")])
    async with a_link(harbour.gateways[0]) as link:
        answer = await hear(link)

        assert isinstance(answer, LinkRefused)
        assert "pool 'cpu'" in answer.detail
        assert await closed(link) == (4401, '{"code":"INVALID_JOIN_KEY"}')


# Nonsense.


@pytest.mark.parametrize(
    "data",
    [
        "text",
        b"",
        b"\xc1",
        encode(Heartbeat(1, 0)),
        encode(Unknown("telepathy")),
        encode(Goodbye()),
        encode(REGISTER)[:-1],
        b"\xdd\xff\xff\xff\xff" * 1000,
    ],
    ids=["text", "empty", "no msgpack", "a beat first", "unknown first", "a goodbye first", "cut", "bombs"],
)
async def test_nonsense_instead_of_a_registration_closes_the_link(harbour: Harbour, data: bytes | str) -> None:
    async with a_link(harbour.gateways[0], None) as link:
        await link.send(data)

        assert await closed(link) == (4400, '{"code":"BAD_REQUEST"}')
    assert harbour.count("moorage_gateway_link_closes_total", code="BAD_REQUEST") == 1


@pytest.mark.parametrize(
    "data", [b"\xc1", "text", encode(Ack(1)), encode(Registered(WorkerId("wrk_a"), b"k" * 32, "e"))]
)
async def test_nonsense_later_closes_the_link_and_keeps_the_worker(harbour: Harbour, data: bytes | str) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await link.send(data)

        assert (await closed(link))[0] == 4400
    assert await harbour.store.worker(worker) is not None


async def test_a_message_of_a_newer_version_is_skipped_and_counted(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await say(link, Unknown("telepathy"))
        await say(link, Heartbeat(1, 0))

        assert await hear(link) == Ack(1)
    assert harbour.count("moorage_gateway_link_unknown_total") == 1


async def test_a_message_over_the_bound_closes_the_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await link.send(bytes(MAX_MESSAGE_BYTES + 1))

        assert (await closed(link))[0] == 1009


async def test_a_flood_closes_the_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        for number in range(200):
            if link.close_code is None:
                await link.send(encode(Heartbeat(number, 0)))

        assert await closed(link) == (4429, '{"code":"RATE_LIMIT_EXCEEDED"}')


async def test_a_link_that_does_not_register_in_time_is_closed(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "REGISTER_SECONDS", 0.05)
    async with a_link(harbour.gateways[0], None) as link:
        assert (await closed(link))[0] == 4400


async def test_a_link_that_falls_silent_is_given_back(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "SILENT_SECONDS", 0.05)
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)

        assert await closed(link) == (4421, '{"code":"IDLE_TIMEOUT"}')


async def test_links_are_bounded_in_number() -> None:
    store = MemoryStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    server = LinkServer(store, GATEWAY, GatewayPolicy(link_port=0), max_links=1)
    await server.start()
    async with await dial(server):
        assert await refused(server) == (503, "NO_CAPACITY")

    async def is_free() -> bool:
        try:
            await (await dial(server)).close()
        except InvalidStatus:
            return False
        return True

    await eventually(is_free)
    await server.close()


# The store, the end, TLS.


class MoodyStore(MemoryStore):
    """Away when told to be."""

    is_away = False

    async def join_key(self, digest: str) -> JoinKey | None:
        self._check()
        return await super().join_key(digest)

    async def register(self, registration: values.Registration) -> values.Registered | values.Refused:
        self._check()
        return await super().register(registration)

    async def heartbeat(self, beat: values.Heartbeat) -> values.Beaten | values.Refused:
        self._check()
        return await super().heartbeat(beat)

    async def remove(self, worker: WorkerId) -> values.Done | values.Refused:
        self._check()
        return await super().remove(worker)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable


async def test_while_the_store_is_away_links_stay_and_nothing_is_acknowledged() -> None:
    store = MoodyStore()
    await store.set_join_keys([JoinKey(sha256(JOIN_KEY.encode()).hexdigest(), "*", "*")])
    server = LinkServer(store, GATEWAY, GatewayPolicy(link_port=0))
    await server.start()
    async with a_link(server) as link, a_link(server, None) as late:
        await welcomed(link)
        await say(link, Heartbeat(1, 0))
        assert await hear(link) == Ack(1)

        store.is_away = True
        await say(link, Heartbeat(2, 0))
        assert await hear(link) == Ack(1)
        assert await refused(server) == (503, "STORE_UNAVAILABLE")
        await say(late, REGISTER)
        answer = await hear(late)
        assert isinstance(answer, LinkRefused)
        assert (answer.code.value, answer.retry_after) == ("STORE_UNAVAILABLE", 1.0)
        assert (await closed(late))[0] == 4504

        store.is_away = False
        await say(link, Heartbeat(3, 0))
        assert await hear(link) == Ack(3)

        store.is_away = True
        await say(link, Goodbye())
        assert (await closed(link))[0] == 1000
    await server.close()


async def test_a_closing_gateway_sends_its_workers_elsewhere(harbour: Harbour) -> None:
    server = await harbour.gateway()
    async with a_link(server) as link:
        await welcomed(link)
        closing = asyncio.ensure_future(server.close())

        assert await closed(link) == (1012, '{"code":"DRAINING"}')
        await closing


async def test_the_link_over_tls(harbour: Harbour) -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusted)
    server = await harbour.gateway(tls=served)

    async with await dial(server, ssl=trusted) as link:
        await say(link, REGISTER)
        await welcomed(link)


async def test_a_taken_port_is_named(harbour: Harbour) -> None:
    port = harbour.gateways[0].port

    with pytest.raises(OSError, match=str(port)):
        await LinkServer(harbour.store, GATEWAY, GatewayPolicy(link_port=port)).start()
