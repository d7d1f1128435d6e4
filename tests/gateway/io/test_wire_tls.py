"""TLS on both wires: its handshake, its versions, its failures."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from gateway.io.wire import Wire
from tests.gateway.io.rig import SOON, Certificates, Rig


async def test_tls_counts_bytes_read_before_it_began(wire: Wire, certificates: Certificates) -> None:
    async with Rig(wire, None) as rig:
        context = wire.tls(certificates.chain, certificates.key)
        opening = asyncio.ensure_future(asyncio.open_connection("127.0.0.1", rig.port, ssl=certificates.client))
        stream = await rig.accepted()
        hello = await asyncio.wait_for(stream.receive(), SOON)
        stream.unread(hello)

        await asyncio.wait_for(stream.start_tls(context), SOON)
        reader, writer = await asyncio.wait_for(opening, SOON)
        writer.write(b"secret")
        assert await asyncio.wait_for(stream.receive(), SOON) == b"secret"
        stream.send(b"answer")
        assert await asyncio.wait_for(reader.readexactly(6), SOON) == b"answer"

        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        assert writer.get_extra_info("ssl_object").cipher()[0] == "TLS_AES_128_GCM_SHA256" or wire.name == "pure"
        stream.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_tls_chooses_http_1_1_and_refuses_versions_before_1_2(wire: Wire, certificates: Certificates) -> None:
    async with Rig(wire, None) as rig:
        context = wire.tls(certificates.chain, certificates.key)
        client = ssl.create_default_context()
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.set_alpn_protocols(["h2", "http/1.1"])
        opening = asyncio.ensure_future(asyncio.open_connection("127.0.0.1", rig.port, ssl=client))
        stream = await rig.accepted()
        await asyncio.wait_for(stream.start_tls(context), SOON)
        _, writer = await asyncio.wait_for(opening, SOON)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        stream.abort()
        writer.transport.abort()

        plain = socket.create_connection(("127.0.0.1", rig.port))
        plain.sendall(
            bytes.fromhex("160301002f0100002b0301") + bytes(32) + bytes.fromhex("000004002f00350100") + b"\0" * 2
        )
        old = await rig.accepted()
        with pytest.raises(ssl.SSLError):
            await asyncio.wait_for(old.start_tls(context), SOON)
        old.abort()
        plain.close()


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", bytes(100)])
async def test_a_tls_handshake_with_nonsense_fails_with_a_reason(
    wire: Wire, certificates: Certificates, nonsense: bytes
) -> None:
    async with Rig(wire, None) as rig:
        peer, stream = await rig.client()
        peer.send(nonsense)

        with pytest.raises(ssl.SSLError, match=r"(?i)http.request|wrong.version|record|version"):
            await asyncio.wait_for(stream.start_tls(wire.tls(certificates.chain, certificates.key)), SOON)
        stream.abort()


async def test_a_peer_that_leaves_in_the_handshake_is_a_connection_error(
    wire: Wire, certificates: Certificates
) -> None:
    async with Rig(wire, None) as rig:
        peer, stream = await rig.client()
        handshake = asyncio.ensure_future(stream.start_tls(wire.tls(certificates.chain, certificates.key)))
        await asyncio.sleep(0)

        peer.close()

        with pytest.raises((ConnectionError, ssl.SSLError)):
            await asyncio.wait_for(handshake, SOON)
        stream.abort()


async def test_a_bad_certificate_says_which_file(wire: Wire, certificates: Certificates, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"missing\.pem"):
        wire.tls(tmp_path / "missing.pem", certificates.key)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    with pytest.raises(ssl.SSLError, match=r"garbage\.pem"):
        wire.tls(garbage, certificates.key)
    with pytest.raises(ssl.SSLError, match=r"garbage\.pem"):
        wire.tls(certificates.chain, garbage)
