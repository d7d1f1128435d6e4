"""A name that several gateways stand behind, a key and authorities in files: what a link does as they change."""

from __future__ import annotations

import asyncio
import ssl
from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from gateway.policy import GatewayPolicy
from moorage.examples.echo import echo
from moorage.ids import WorkerId
from scheduler.values import JoinKey, WorkerState
from tests.moorage.io.harbour import JOIN_KEY, Harbour, a_worker, eventually, session_id


class Names:
    """What a name resolves to, as a test has it."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        return list(self.addresses) if host == "links.test" else [host]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr("moorage.io.joining.addresses", names)
    monkeypatch.setattr("moorage.io.link.addresses", names)
    return names


async def at(harbour: Harbour, host: str, port: int) -> None:
    await harbour.gateway(GatewayPolicy(link_host=host, link_port=port))


def linked(harbour: Harbour, worker: WorkerId | None) -> list[int]:
    """The gateways that have its link."""
    return [index for index, server in enumerate(harbour.gateways) if worker in server._links]


async def test_an_address_that_is_dead_does_not_keep_a_worker_from_the_others(harbour: Harbour, names: Names) -> None:
    port = harbour.gateways[0].port
    names.addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]

    async with a_worker(harbour, echo, gateways=[f"ws://links.test:{port}"]) as worker:
        assert linked(harbour, worker.worker_id) == [0]


async def test_a_worker_moves_to_a_gateway_that_came_later_without_losing_its_session(
    harbour: Harbour, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moorage.io.link.LOOK_EVERY", 0.05)
    monkeypatch.setattr("moorage.io.link.move_to_new", lambda known, found, chance: bool(set(found) - set(known)))
    port = harbour.gateways[0].port
    names.addresses = ["127.0.0.1"]
    async with a_worker(harbour, echo, gateways=[f"ws://links.test:{port}"]) as worker:
        before = worker.worker_id
        socket = await harbour.attach(session_id("a"))

        await at(harbour, "127.0.0.2", port)
        names.addresses = ["127.0.0.1", "127.0.0.2"]
        await eventually(lambda: linked(harbour, before) == [1])

        await socket.send("still here")
        assert await socket.recv() == "still here"
        assert worker.worker_id == before
        assert [view.state for view in await harbour.store.workers()] == [WorkerState.SERVING]
        await socket.close()


async def test_a_worker_whose_gateway_left_the_name_links_to_another(harbour: Harbour, names: Names) -> None:
    port = harbour.gateways[0].port
    await at(harbour, "127.0.0.2", port)
    names.addresses = ["127.0.0.1"]
    async with a_worker(harbour, echo, gateways=[f"ws://links.test:{port}"]) as worker:
        names.addresses = ["127.0.0.1", "127.0.0.2"]

        await harbour.gateways[0].close()
        await eventually(lambda: linked(harbour, worker.worker_id) == [1])


async def test_a_name_without_addresses_is_waited_for(harbour: Harbour, names: Names) -> None:
    """No gateway is ready yet: a headless Service has no address at all."""
    port = harbour.gateways[0].port

    async def appear() -> None:
        await asyncio.sleep(0.3)
        names.addresses = ["127.0.0.1"]

    appearing = asyncio.ensure_future(appear())
    async with a_worker(harbour, echo, gateways=[f"ws://links.test:{port}"]) as worker:
        assert worker.worker_id is not None
    await appearing


async def test_a_key_that_changed_in_its_file_is_used_at_the_next_dial(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "join.key"
    file.write_text(JOIN_KEY)
    monkeypatch.setenv("MOORAGE_JOIN_KEY_FILE", str(file))
    await harbour.store.set_join_keys([JoinKey(sha256(b"jk_new").hexdigest(), "*", "*")])

    async def change() -> None:
        await eventually(
            lambda: harbour.count("moorage_gateway_link_registrations_total", result="INVALID_JOIN_KEY") >= 1
        )
        file.write_text("jk_new\n")

    changing = asyncio.ensure_future(change())
    async with a_worker(harbour, echo, join_key=None) as worker:
        assert worker.worker_id is not None
    await changing


async def test_a_file_that_went_leaves_the_key_it_held(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "join.key"
    file.write_text(JOIN_KEY)
    monkeypatch.setenv("MOORAGE_JOIN_KEY_FILE", str(file))
    second = await harbour.gateway()
    async with a_worker(harbour, echo, join_key=None) as worker:
        file.unlink()

        first = linked(harbour, worker.worker_id)[0]
        await harbour.gateways[first].close()

        await eventually(lambda: linked(harbour, worker.worker_id) == [1 - first])
        assert second is harbour.gateways[1]


async def test_gateways_with_certificates_of_a_private_authority_are_trusted_by_its_file(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, served = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    server = await harbour.gateway(tls=served)
    monkeypatch.setenv("MOORAGE_LINK_CA_FILE", str(tmp_path / "ca.crt"))

    async with a_worker(harbour, echo, gateways=[f"wss://127.0.0.1:{server.port}"]) as worker:
        assert linked(harbour, worker.worker_id) == [1]
