"""The client SDK over wss."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

import moorage
from moorage.errors import MoorageError
from tests.moorage.io.scripted import a_gateway


async def test_wss() -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusted)

    async with a_gateway(tls=served) as gateway, moorage.connect(gateway.url, "tok", ssl=trusted) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"


async def test_an_untrusted_certificate_is_not_tried_again() -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(served)

    async with a_gateway(tls=served) as gateway:
        with pytest.raises(MoorageError) as caught:
            await asyncio.wait_for(moorage.connect(gateway.url, "tok")._open(), 5.0)

    assert "certificate is not trusted" in str(caught.value)
    assert gateway.tokens == []
