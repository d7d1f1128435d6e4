"""Tokens are found in three places and are in none of them afterwards."""

from __future__ import annotations

import pytest

from gateway.credentials import find_token, offered_without_token, without_token
from gateway.refusals import Refusal
from gateway.upgrade import Upgrade
from moorage.errors import Code
from tests.builders import an_upgrade

TOKEN = "aaa.bbb.ccc"


def refused(upgrade: Upgrade, *, allows_query: bool = True) -> Code:
    with pytest.raises(Refusal) as caught:
        find_token(upgrade, allows_query=allows_query)
    return caught.value.code


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_is_found_and_its_field_is_not_forwarded(scheme: str) -> None:
    found = find_token(an_upgrade("/a?b=1", Authorization=f"{scheme}  {TOKEN} "), allows_query=True)

    assert (found.token, found.target, found.is_in_authorization) == (TOKEN, "/a?b=1", True)


def test_a_token_subprotocol_is_found_and_taken_out_of_the_offer() -> None:
    upgrade = an_upgrade(Sec_WebSocket_Protocol=f"chat, moorage.token.{TOKEN}, moorage.v1")

    found = find_token(upgrade, allows_query=False)

    assert (found.token, found.protocols, found.is_in_authorization) == (TOKEN, ("chat", "moorage.v1"), False)
    assert offered_without_token(upgrade) == ("chat", "moorage.v1")


def test_a_token_in_the_query_is_found_and_taken_out() -> None:
    found = find_token(an_upgrade(f"/a?b=1&token={TOKEN}&c"), allows_query=True)

    assert (found.token, found.target) == (TOKEN, "/a?b=1&c")


def test_a_token_in_the_query_is_refused_where_that_is_turned_off() -> None:
    assert refused(an_upgrade(f"/?token={TOKEN}"), allows_query=False) is Code.INVALID_SESSION_TOKEN


@pytest.mark.parametrize(
    ("target", "left", "tokens"),
    [
        ("/", "/", []),
        ("/?", "/?", []),
        ("/token=x", "/token=x", []),
        ("/?token=x", "/", ["x"]),
        ("/?token=", "/", [""]),
        ("/?token=x&token=y", "/", ["x", "y"]),
        ("/?a=?token=x", "/?a=?token=x", []),
        ("/?mytoken=x", "/?mytoken=x", []),
        ("/?Token=x", "/?Token=x", []),
        ("/?token", "/?token", []),
        ("/?a=%20&&token=x&b=+", "/?a=%20&&b=+", ["x"]),
        ("/?token=x?y", "/", ["x?y"]),
    ],
)
def test_only_the_token_leaves_the_query(target: str, left: str, tokens: list[str]) -> None:
    assert without_token(target) == (left, tokens)


@pytest.mark.parametrize(
    "upgrade",
    [
        an_upgrade(),
        an_upgrade(Authorization="Basic dXNlcjpwYXNz"),
        an_upgrade(Authorization="Bearer"),
        an_upgrade(Authorization=f"Bearer{TOKEN}"),
        an_upgrade(Sec_WebSocket_Protocol="moorage.token"),
        an_upgrade("/?Token=x"),
    ],
)
def test_a_request_without_a_token_is_refused(upgrade: Upgrade) -> None:
    assert refused(upgrade) is Code.INVALID_SESSION_TOKEN


@pytest.mark.parametrize(
    "upgrade",
    [
        an_upgrade(f"/?token={TOKEN}", Authorization=f"Bearer {TOKEN}"),
        an_upgrade(f"/?token={TOKEN}&token={TOKEN}"),
        an_upgrade(f"/?token={TOKEN}", Sec_WebSocket_Protocol=f"moorage.token.{TOKEN}"),
        an_upgrade(Authorization=f"Bearer {TOKEN}", Sec_WebSocket_Protocol=f"moorage.token.{TOKEN}"),
        an_upgrade(Sec_WebSocket_Protocol="moorage.token.a, moorage.token.b"),
        an_upgrade(extra=[("Authorization", "Bearer a"), ("authorization", "bearer b")]),
    ],
)
def test_a_token_in_two_places_is_refused_even_when_it_is_the_same(upgrade: Upgrade) -> None:
    assert refused(upgrade) is Code.BAD_REQUEST


def test_an_authorization_of_the_worker_itself_stays_beside_a_token_elsewhere() -> None:
    upgrade = an_upgrade(Authorization="Basic dXNlcjpwYXNz", Sec_WebSocket_Protocol=f"moorage.token.{TOKEN}")

    assert find_token(upgrade, allows_query=True).is_in_authorization is False
