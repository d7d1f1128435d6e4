"""Real wss: over both wires, behind PROXY headers, with certificates that change while clients are connected."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.policy import GatewayPolicy, Handshakes, Trust
from tests.builders import Authority, a_request, an_authority
from tests.connections import a_connection
from tests.flows.system import SOON, System, until


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return an_authority(tmp_path)


@pytest.fixture
async def secured(wire: str, authority: Authority) -> AsyncIterator[System]:
    async with System(GatewayPolicy(wire=wire, tls=authority.files)) as system:
        yield system


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.ca.configure_trust(context)
    return context


def serial_of(connection: asyncio.Transport) -> str:
    return str(connection.get_extra_info("peercert")["serialNumber"])


async def test_messages_of_any_size_come_back(secured: System, authority: Authority) -> None:
    await secured.worker()

    async with secured.connect(ssl=trusting(authority), max_size=None) as client:
        for size in (0, 1, 16_384, 1_000_000):
            await client.send(b"x" * size)
            assert await client.recv() == b"x" * size

    assert secured.gateway.node.startswith("wss://")


async def test_data_right_behind_the_upgrade_is_not_lost(secured: System, authority: Authority) -> None:
    await secured.worker()
    async with a_connection(secured.gateway.port, tls=trusting(authority)) as (reader, writer):
        writer.write(a_request(Authorization=f"Bearer {secured.token()}") + b"\x81\x85\0\0\0\0early")

        await reader.readuntil(b"\r\n\r\n")
        frame = await asyncio.wait_for(reader.readexactly(7), SOON)

    assert frame == b"\x81\x05early"


async def test_who_speaks_no_tls_is_dropped_and_disturbs_nobody(secured: System, authority: Authority) -> None:
    await secured.worker()
    async with secured.connect(ssl=trusting(authority)) as client:
        async with secured.raw() as (reader, writer):
            writer.write(a_request(Authorization=f"Bearer {secured.token()}"))
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), SOON)
        await client.send("still here")
        assert await client.recv() == "still here"
    await until(lambda: secured.metric("moorage_gateway_connects_total", result="tls") == 1)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_of_tls_are_spoken(secured: System, authority: Authority, version: ssl.TLSVersion) -> None:
    await secured.worker()
    context = trusting(authority)
    context.minimum_version = context.maximum_version = version

    async with secured.connect(ssl=context) as client:
        await client.send("in")
        assert await client.recv() == "in"


async def test_older_versions_are_refused(secured: System, authority: Authority) -> None:
    context = trusting(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", secured.gateway.port, ssl=context)


@pytest.mark.parametrize("by", ["change", "signal"])
async def test_a_new_certificate_is_served_to_new_clients_and_old_ones_stay(
    secured: System, authority: Authority, by: str
) -> None:
    await secured.worker()
    context = trusting(authority)
    async with secured.connect(0, ssl=context) as old:
        authority.issue("localhost", "127.0.0.1")
        if by == "signal":
            secured.gateway.reload()
        await until(lambda: secured.metric("moorage_gateway_certificate_reloads_total", result="ok") == 1)
        async with secured.connect(1, ssl=context) as new:
            await old.send("old")
            await new.send("new")
            heard = [await old.recv(), await new.recv()]
            serials = {serial_of(old.transport), serial_of(new.transport)}

    assert heard == ["old", "new"]
    assert len(serials) == 2


async def test_a_broken_certificate_keeps_the_one_in_force(secured: System, authority: Authority) -> None:
    await secured.worker()
    authority.files.certificate.write_text("no certificate")
    secured.gateway.reload()

    async with secured.connect(ssl=trusting(authority)) as client:
        await client.send("in")
        assert await client.recv() == "in"
    assert secured.metric("moorage_gateway_certificate_reloads_total", result="failed") == 1


async def test_a_start_with_a_broken_certificate_fails_and_leaves_nothing_open(wire: str, authority: Authority) -> None:
    authority.files.key.write_text("no key")

    with pytest.raises((ssl.SSLError, OSError), match="key"):
        async with System(GatewayPolicy(wire=wire, tls=authority.files)):
            pass


async def test_the_proxy_header_comes_before_tls(wire: str, authority: Authority) -> None:
    trust = Trust(proxy_protocol_from=(ip_network("127.0.0.0/8"),))
    async with System(GatewayPolicy(wire=wire, tls=authority.files, trust=trust)) as system:
        worker = await system.worker()
        async with system.raw() as (reader, writer):
            writer.write(b"PROXY TCP4 203.0.113.5 127.0.0.1 1 2\r\n")
            await writer.start_tls(trusting(authority), server_hostname="localhost")
            writer.write(a_request(Authorization=f"Bearer {system.token()}"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)

        assert head.startswith(b"HTTP/1.1 101 ")
        assert worker.header("X-Forwarded-For") == ["203.0.113.5"]


async def test_a_handshake_that_never_ends_is_cut_in_time(wire: str, authority: Authority) -> None:
    policy = GatewayPolicy(wire=wire, tls=authority.files, handshakes=Handshakes(seconds=0.3))
    async with System(policy) as system, system.raw() as (reader, writer):
        writer.write(b"\x16\x03\x01")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SOON) == b""

        assert system.metric("moorage_gateway_connects_total", result="timeout") == 1


async def test_noise_instead_of_tls_is_dropped(secured: System) -> None:
    for noise in (b"\x16\x03\x01" + os.urandom(500), os.urandom(70_000), b"\x80\x2e\x01\x00\x02"):
        async with secured.raw() as (reader, writer):
            writer.write(noise)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), SOON)
    await until(lambda: secured.metric("moorage_gateway_handshakes") == 0)


def link_serial(port: int, context: ssl.SSLContext) -> object:
    """The serial number of the certificate that the link's port serves now."""
    with (
        socket.create_connection(("127.0.0.1", port), SOON) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        certificate = secured.getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


async def test_the_links_certificate_is_read_again_too_and_a_broken_one_is_not_used(tmp_path: Path) -> None:
    authority = an_authority(tmp_path)
    context = trusting(authority)
    async with System(GatewayPolicy(link_tls=authority.files)) as system:
        port = system.gateway.link_port
        first = await asyncio.to_thread(link_serial, port, context)

        authority.issue("localhost", "127.0.0.1")
        system.gateway.reload()
        second = await asyncio.to_thread(link_serial, port, context)
        authority.files.certificate.write_text("no certificate")
        system.gateway.reload()
        third = await asyncio.to_thread(link_serial, port, context)

    assert first != second
    assert second == third
