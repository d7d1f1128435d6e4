"""The certificate for development: trusted by itself, kept while it is good."""

from __future__ import annotations

import ssl
from pathlib import Path

from moorage.cli.certificate import development_certificate


def test_a_client_that_trusts_the_file_accepts_the_server(tmp_path: Path) -> None:
    certificate, key = development_certificate(tmp_path / "tls", "127.0.0.1")

    shaken = _handshake(certificate, key, "127.0.0.1")

    assert shaken == "TLSv1.3"


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    _, key = development_certificate(tmp_path, "127.0.0.1")

    assert key.stat().st_mode & 0o777 == 0o600


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    certificate, _ = development_certificate(tmp_path, "127.0.0.1")
    first = certificate.read_bytes()

    development_certificate(tmp_path, "127.0.0.1")

    assert certificate.read_bytes() == first


def test_another_host_gets_another_certificate(tmp_path: Path) -> None:
    certificate, key = development_certificate(tmp_path, "127.0.0.1")
    first = certificate.read_bytes()

    development_certificate(tmp_path, "gateway.example")

    assert certificate.read_bytes() != first
    assert _handshake(certificate, key, "gateway.example") == "TLSv1.3"


def test_a_damaged_certificate_is_made_anew(tmp_path: Path) -> None:
    certificate, key = development_certificate(tmp_path, "127.0.0.1")
    certificate.write_text("nothing")

    development_certificate(tmp_path, "127.0.0.1")

    assert _handshake(certificate, key, "localhost") == "TLSv1.3"


def _handshake(certificate: Path, key: Path, name: str) -> str | None:
    """Client and server over two buffers; raises ssl.SSLError when the client does not trust the server."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()
