"""Who may not open a link, or not register on it, and how they hear of it."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from moorage.link import (
    LinkRefused,
    Register,
)
from scheduler.values import JoinKey
from tests.gateway.io.workers_end import a_link, dial, hear, refused
from tests.moorage.io.harbour import JOIN_KEY, Harbour, closed


@pytest.mark.parametrize("key", [None, "", "wrong", "jk_test x", "ü"])
async def test_without_a_join_key_there_is_no_link(harbour: Harbour, key: str | None) -> None:
    assert await refused(harbour.gateways[0], key=key) == (401, "INVALID_JOIN_KEY")


async def test_other_paths_versions_and_none_are_refused_before_the_link_opens(harbour: Harbour) -> None:
    server = harbour.gateways[0]

    assert await refused(server, path="/other") == (404, "NOT_FOUND")
    assert await refused(server, subprotocols=["moorage.link.v9"]) == (400, "BAD_REQUEST")
    assert await refused(server, subprotocols=None) == (400, "BAD_REQUEST")


async def test_a_worker_that_is_too_new_hears_which_version_the_gateway_speaks(harbour: Harbour) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await dial(harbour.gateways[0], subprotocols=[Subprotocol("moorage.link.v9")])

    detail = json.loads(caught.value.response.body)["detail"]
    assert detail == "this gateway's link speaks moorage.link.v1, the worker offers moorage.link.v9"
    assert harbour.count("moorage_gateway_link_registrations_total", result="BAD_REQUEST") == 1


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
