"""Keys that the chart generates can be used by those they are for."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import pytest

from controlplane.io.keyfiles import ed25519_keyring
from tests.helm.charts import Document, with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]


def secret_in(objects: tuple[Document, ...], name: str, folder: Path) -> dict[str, Path]:
    """Its data as files."""
    found = next(each for each in of_kind(objects, "Secret") if each["metadata"]["name"] == f"it-moorage-{name}")
    paths = {key: folder / key for key in found["data"]}
    for key, path in paths.items():
        path.write_bytes(base64.b64decode(found["data"][key]))
    return paths


@pytest.mark.parametrize(
    "host",
    [
        "it-moorage-gateway.moorage.svc.cluster.local",
        "it-moorage-gateway",
        "localhost",
        "127.0.0.1",
        "play.example.com",
    ],
)
async def test_who_has_the_authority_trusts_the_gateway_under_all_of_its_names(host: str, tmp_path: Path) -> None:
    files = secret_in(with_values("publicUrl: wss://play.example.com:8443/x"), "tls", tmp_path)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(files["tls.crt"], files["tls.key"])
    ours = ssl.create_default_context(cafile=files["ca.crt"])
    ours.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 has it by default

    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=theirs)
    async with server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ours, server_hostname=host)
        subject = writer.get_extra_info("peercert")["subject"]
        writer.close()

    assert subject == ((("commonName", "it-moorage-gateway"),),)


def test_cert_manager_is_asked_for_public_names_only_where_there_are_any() -> None:
    issued = "tls: {mode: certManager, issuerRef: {name: public}}\n"

    (inside,) = of_kind(with_values(issued), "Certificate")
    (public,) = of_kind(with_values(issued + "publicUrl: wss://play.example.com"), "Certificate")

    assert inside["spec"]["dnsNames"][0] == "it-moorage-gateway.moorage.svc.cluster.local"
    assert public["spec"]["dnsNames"] == ["play.example.com"]


def test_the_generated_signing_key_signs_and_its_name_is_its_own_at_each_install(tmp_path: Path) -> None:
    (first,) = secret_in(with_values(""), "signing", tmp_path).values()
    (second,) = secret_in(with_values(""), "signing", tmp_path).values()

    ed25519_keyring(first)

    assert first.name != second.name
