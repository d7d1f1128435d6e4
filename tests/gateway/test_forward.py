"""What a worker gets to read: the client's request without what is not its business, and who the client is."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest

from gateway.forward import context_header, request_for, traceparent_of
from gateway.heads import Head, parse_head
from moorage.claims import Claim, verify_claim
from tests.builders import CLAIM_KEY, KEY, Fields, a_claimed, a_session, a_token, a_visitor, a_worker_id, an_upgrade

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def forwarded(target: str = "/", extra: Fields = (), address: str = "203.0.113.7", **replaced: str | None) -> Head:
    replaced.setdefault("Authorization", "Bearer x.y.z")
    visitor = a_visitor(an_upgrade(target, extra, **replaced), address=address)
    head = parse_head(request_for(visitor, a_claimed()))
    assert head is not None
    return head


def test_path_query_and_the_fields_of_the_websocket_pass_unchanged() -> None:
    head = forwarded(
        "/room?a=%20&b",
        [("Cookie", "c=d"), ("X-App", "caf\xe9")],
        Sec_WebSocket_Extensions="permessage-deflate",
        Sec_WebSocket_Protocol="chat, json",
        Origin="https://a.example",
    )

    assert head.start == "GET /room?a=%20&b HTTP/1.1"
    assert head.all("host") == ["gateway.example"]
    assert head.all("sec-websocket-key") == [KEY]
    assert head.all("sec-websocket-version") == ["13"]
    assert head.all("sec-websocket-extensions") == ["permessage-deflate"]
    assert head.all("sec-websocket-protocol") == ["chat, json"]
    assert head.all("origin") == ["https://a.example"]
    assert head.all("cookie") == ["c=d"]
    assert head.all("x-app") == ["caf\xe9"]


@pytest.mark.parametrize(
    ("target", "replaced"),
    [
        ("/", {"Authorization": "Bearer the-token"}),
        ("/?token=the-token&a=1", {"Authorization": None}),
        ("/", {"Authorization": None, "Sec_WebSocket_Protocol": "moorage.token.the-token"}),
        ("/", {"Authorization": None, "Sec_WebSocket_Protocol": "chat, moorage.token.the-token"}),
    ],
)
def test_the_token_is_nowhere_in_what_is_forwarded(target: str, replaced: dict[str, str | None]) -> None:
    visitor = a_visitor(an_upgrade(target, (), **replaced))

    raw = request_for(visitor, a_claimed())

    assert b"the-token" not in raw
    assert b"moorage.token" not in raw


def test_an_authorization_for_the_worker_is_forwarded_when_the_token_came_elsewhere() -> None:
    head = forwarded("/?token=x.y.z", Authorization="Basic dXNlcjpwYXNz")

    assert head.all("authorization") == ["Basic dXNlcjpwYXNz"]


def test_without_a_subprotocol_none_is_offered() -> None:
    assert forwarded(Authorization=None, Sec_WebSocket_Protocol="moorage.token.x").all("sec-websocket-protocol") == []


@pytest.mark.parametrize(
    "name",
    [
        "Moorage-Session",
        "moorage-user",
        "MOORAGE-CLAIM",
        "Moorage-Workspace",
        "Moorage-Context",
        "Moorage-Anything",
        "Moorage_Session",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "Forwarded",
        "X-Real-IP",
    ],
)
def test_forged_fields_do_not_pass(name: str) -> None:
    head = forwarded(extra=[(name, "forged")])

    assert "forged" not in [value for _, value in head.fields]


@pytest.mark.parametrize(
    "name",
    ["Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Trailer", "Expect", "X-Named", "Content-Length"],
)
def test_hop_fields_and_those_that_connection_names_do_not_pass(name: str) -> None:
    head = forwarded(extra=[(name, "0")], Connection="keep-alive, Upgrade, X-Named")

    assert head.all(name.lower()) == []
    assert head.all("connection") == ["Upgrade"]
    assert head.all("upgrade") == ["websocket"]


@pytest.mark.parametrize("name", ["Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_connection_cannot_name_away_what_makes_a_valid_upgrade(name: str) -> None:
    head = forwarded(Origin="https://app.example", Connection=f"Upgrade, {name}")

    assert len(head.all(name.lower())) == 1


def test_the_worker_learns_who_the_client_is() -> None:
    token = a_token()
    head = forwarded(address="2001:db8::1")

    assert head.all("moorage-session") == [token.session]
    assert head.all("moorage-user") == [token.user]
    assert head.all("moorage-workspace") == [token.workspace]
    assert head.all("x-forwarded-for") == ["2001:db8::1"]


def test_the_claim_is_signed_with_the_key_of_its_worker() -> None:
    head = forwarded()

    assert verify_claim(head.all("moorage-claim")[0], CLAIM_KEY) == Claim(a_worker_id(), a_session(), 7)


def test_the_context_is_json_in_base64url() -> None:
    context = {"quality": "high", "metadata": {"name": "\u00e9\r\nX: y"}}

    header = context_header(a_token(context=context))

    assert json.loads(urlsafe_b64decode(header)) == context
    assert header.isascii()
    assert "\n" not in header


def test_a_trace_goes_on() -> None:
    assert traceparent_of(an_upgrade(traceparent=TRACE), bytes) == TRACE
    assert forwarded(extra=[("Traceparent", TRACE)]).all("traceparent") != [TRACE, TRACE]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [("traceparent", TRACE), ("traceparent", TRACE)],
        [("traceparent", "ff" + TRACE[2:])],
        [("traceparent", TRACE.upper())],
        [("traceparent", TRACE + "-extra")],
        [("traceparent", "00-" + "0" * 32 + "-" + "b" * 16 + "-01")],
        [("traceparent", "00-" + "a" * 32 + "-" + "0" * 16 + "-01")],
        [("traceparent", "")],
    ],
)
def test_a_missing_or_broken_trace_is_begun_anew(sent: Fields) -> None:
    def draw(size: int) -> bytes:
        return bytes(range(size))

    assert traceparent_of(an_upgrade(extra=sent), draw) == ("00-000102030405060708090a0b0c0d0e0f-1011121314151617-01")
