"""The worker's end of the link: it moves when a gateway goes, and says again what was not heard."""

from __future__ import annotations

import asyncio
import ssl
import time

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from gateway.io.link_server import LinkServer
from gateway.policy import GatewayPolicy
from moorage.deadlines import LINK_MOVE
from moorage.examples.echo import echo
from moorage.ids import GatewayId, WorkerId
from moorage.io.conversation import SILENT_SECONDS
from moorage.io.joining import Dialing
from moorage.io.worker import Worker
from moorage.link import Ack, Heartbeat, Message, Register, Registered, Unknown
from moorage.link_wire import decode, encode
from scheduler import values
from scheduler.values import SessionView
from tests.moorage.io.harbour import JOIN_KEY, WAIT, Harbour, a_worker, eventually, session_id
from tests.owntime import within

A = session_id("a")
PLACE = Registered(WorkerId("wrk_" + "0" * 26), b"k" * 32, "e", heartbeat_every=0.1)


async def linked_to(harbour: Harbour, worker: Worker) -> LinkServer | None:
    return next((server for server in harbour.gateways if worker.worker_id in server._links), None)


async def test_a_worker_moves_to_another_gateway_and_keeps_its_sessions(harbour: Harbour) -> None:
    await harbour.gateway()
    async with a_worker(harbour, echo) as worker:
        before = worker.worker_id
        socket = await harbour.attach(A)
        first: LinkServer = await eventually(lambda: linked_to(harbour, worker))
        await first.close()

        async def has_moved() -> bool:
            return await linked_to(harbour, worker) not in (None, first)

        await within(LINK_MOVE, eventually(has_moved))

        assert worker.worker_id == before
        await socket.send("still here")
        assert await socket.recv() == "still here"
        assert isinstance(await harbour.store.session(A), SessionView)
        await socket.close()


async def test_a_gateway_that_comes_back_is_found_again(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        before, port = worker.worker_id, harbour.gateways[0].port
        await harbour.gateways[0].close()
        again = LinkServer(harbour.store, GatewayId("gtw_0"), GatewayPolicy(link_port=port))
        await again.start()
        harbour.gateways.append(again)

        await eventually(lambda: worker.worker_id in again._links)

        assert worker.worker_id == before


async def test_an_end_during_an_outage_of_the_link_is_told_afterwards(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        socket = await harbour.attach(A)
        port = harbour.gateways[0].port
        await harbour.gateways[0].close()
        await socket.close()
        await eventually(lambda: worker.in_use == 0)
        again = LinkServer(harbour.store, GatewayId("gtw_0"), GatewayPolicy(link_port=port))
        await again.start()
        harbour.gateways.append(again)

        async def record() -> object:
            seen = await harbour.store.session(A)
            return seen if isinstance(seen, values.EndRecord) else None

        ended: values.EndRecord = await eventually(record)
        assert (ended.outcome, ended.by) == (values.Outcome.COMPLETED, "worker")


async def test_a_worker_that_was_forgotten_registers_again_as_itself(harbour: Harbour) -> None:
    async with a_worker(harbour, echo) as worker:
        before = worker.worker_id
        assert before is not None
        await harbour.store.remove(before)

        async def is_back() -> bool:
            return await harbour.store.worker(before) is not None

        await eventually(is_back)

        assert worker.worker_id == before
        await eventually(harbour.is_serving)
        async with await harbour.attach(A) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"


async def test_a_worker_over_tls(harbour: Harbour) -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.configure_trust(trusted)
    server = await harbour.gateway(tls=served)

    async with a_worker(harbour, echo, gateways=[f"wss://127.0.0.1:{server.port}"], link_ssl=trusted):
        assert await harbour.is_serving()


# Gateways that misbehave, played by the test.


class Impostor:
    """A gateway that answers a registration and then does as told."""

    def __init__(self, *answers: Message, acks: bool = False) -> None:
        self.registrations: list[Register] = []
        self.beats: list[Heartbeat] = []
        self._answers = answers
        self._acks = acks

    async def converse(self, socket: ServerConnection) -> None:
        async for data in socket:
            said = decode(data)
            match said:
                case Register():
                    self.registrations.append(said)
                    for answer in self._answers:
                        await socket.send(encode(answer))
                case Heartbeat():
                    self.beats.append(said)
                    if self._acks:
                        await socket.send(encode(Ack(said.seq)))
                case _:
                    pass


async def serve_worker(impostor: Impostor, *others: str) -> Worker:
    """Runs a worker against it until the condition of the test holds; answers the worker after it left."""
    async with serve(impostor.converse, "127.0.0.1", 0, subprotocols=[Subprotocol("moorage.link.v1")]) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        worker = Worker(echo, gateways=[url, *others], join_key=JOIN_KEY, drain_seconds=0.0)
        serving = asyncio.ensure_future(worker.serve())
        try:
            await eventually(lambda: len(impostor.registrations) >= 2)
        finally:
            worker.leave()
            await asyncio.wait_for(serving, WAIT)
    return worker


async def test_a_gateway_that_falls_silent_is_left_in_time() -> None:
    impostor = Impostor(PLACE)

    started = time.monotonic()
    worker = await within(5.0, serve_worker(impostor))

    assert time.monotonic() - started > SILENT_SECONDS
    assert impostor.registrations[1].again == worker.worker_id == PLACE.worker_id
    assert impostor.registrations[1].claim_key == PLACE.claim_key


@pytest.mark.parametrize(
    "answer", [Ack(1), Heartbeat(1, 1), Unknown("telepathy")], ids=lambda each: type(each).__name__
)
async def test_a_gateway_that_answers_nonsense_is_left(answer: Message) -> None:
    worker = await serve_worker(Impostor(answer))

    assert worker.worker_id is None


async def test_nonsense_after_the_registration_is_left_too() -> None:
    impostor = Impostor(PLACE, Register("not", "for", "a", "worker:1", 1))

    await serve_worker(impostor)

    assert impostor.registrations[1].again == PLACE.worker_id


async def test_what_a_newer_gateway_says_is_skipped() -> None:
    impostor = Impostor(PLACE, Unknown("telepathy"), acks=True)
    async with serve(impostor.converse, "127.0.0.1", 0, subprotocols=[Subprotocol("moorage.link.v1")]) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        worker = Worker(echo, gateways=[url], join_key=JOIN_KEY, drain_seconds=0.0)
        serving = asyncio.ensure_future(worker.serve())
        await worker.ready()
        await eventually(lambda: len(impostor.beats) >= 3)

        assert len(impostor.registrations) == 1
        worker.leave()
        await asyncio.wait_for(serving, WAIT)


def test_a_join_key_never_shows() -> None:
    assert "hunter2" not in repr(Dialing(("ws://a",), "hunter2"))
    assert "hunter2" not in repr(Worker(echo, join_key="hunter2").options)
