"""Tests of controlplane/io/routes/health.py, the OpenAPI document and JWKS."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import KeySet

from controlplane.io.dialect import READERS
from controlplane.io.routes import health
from moorage.keys import ed25519_key
from tests.controlplane.io.conftest import Harbour, Open
from tests.deadlines import SOON


async def test_live_and_ready_need_no_key(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", SOON)
    client = await harbour.client()

    live, ready = await client.get(f"{harbour.url}/livez"), await client.get(f"{harbour.url}/readyz")

    assert live.json() == {"status": "ok"}
    assert ready.json() == {"status": "ok", "database": "ok", "store": "ok"}


async def test_without_its_database_it_lives_but_is_not_ready(
    open_harbour: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    harbour = await open_harbour(database_connections=READERS)
    async with AsyncExitStack() as taken:
        for _ in range(READERS):
            await taken.enter_async_context(harbour.plane.context.database.read())

        ready = await harbour.admin.get(f"{harbour.url}/readyz")
        live = await harbour.admin.get(f"{harbour.url}/livez")

    assert ready.status_code == 503
    assert ready.json() == {"status": "unready", "database": "unreachable", "store": "ok"}
    assert live.status_code == 200
    monkeypatch.setattr(health, "CHECK_SECONDS", SOON)
    assert (await harbour.admin.get(f"{harbour.url}/readyz")).status_code == 200


async def test_a_shared_secret_is_never_published(harbour: Harbour) -> None:
    assert (await harbour.admin.get(f"{harbour.url}/.well-known/jwks.json")).json() == {"keys": []}


async def test_anybody_can_verify_tokens_with_the_published_keys(harbour: Harbour) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    harbour.plane.context.keys.publish(ed25519_key("2027", pem))
    harbour.plane.context.keys.activate("2027")
    created = await harbour.create()

    published = (await harbour.admin.get(f"{harbour.url}/.well-known/jwks.json")).json()
    token = jwt.decode(created["session_token"], KeySet.import_key_set(published), algorithms=["Ed25519"])

    assert "d" not in published["keys"][0]
    assert token.claims["sid"] == created["id"]


async def test_tokens_of_a_retiring_key_still_work(harbour: Harbour) -> None:
    created = await harbour.create()
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    harbour.plane.context.keys.publish(ed25519_key("2027", pem))
    harbour.plane.context.keys.activate("2027")

    answer = await harbour.admin.post("/tokens/validate", json={"token": created["session_token"]})

    assert answer.json()["is_valid"] is True


async def test_the_openapi_document_names_every_route_and_problem(harbour: Harbour) -> None:
    document = (await harbour.admin.get("/openapi.json")).json()

    paths = document["paths"]
    assert {"/api/v1/sessions", "/api/v1/tokens/refresh", "/api/v1/workers/{worker_id}/drain"} <= paths.keys()
    assert paths["/api/v1/sessions"]["post"]["responses"].keys() >= {"201", "4XX", "5XX"}
    assert "Problem" in document["components"]["schemas"]
    assert (await harbour.admin.get("/docs")).status_code == 200
