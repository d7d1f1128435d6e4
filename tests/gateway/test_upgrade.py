"""Upgrade requests: what RFC 6455 asks for is taken, everything else is refused with the status that says why."""

from __future__ import annotations

from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.refusals import Refusal
from gateway.upgrade import Upgrade, parse_upgrade
from moorage.errors import Code
from tests.builders import KEY, a_request, an_upgrade


def status_of(raw: bytes) -> int:
    with pytest.raises(Refusal) as refused:
        parse_upgrade(raw)
    assert refused.value.code is Code.BAD_REQUEST
    return refused.value.status


def test_a_valid_upgrade_gives_its_parts() -> None:
    upgrade = an_upgrade("/room?a=1", Origin="https://a.example", Sec_WebSocket_Protocol="chat, moorage.v1")

    assert (upgrade.target, upgrade.key, upgrade.origin) == ("/room?a=1", KEY, "https://a.example")
    assert upgrade.protocols == ("chat", "moorage.v1")


def test_names_are_read_in_any_case_and_lists_over_several_fields() -> None:
    upgrade = an_upgrade(
        extra=[("Sec-WebSocket-Protocol", "a"), ("sec-websocket-protocol", "b, c")],
        Connection="keep-alive, UPGRADE",
        Upgrade="h2c, WebSocket",
    )

    assert upgrade.protocols == ("a", "b", "c")


@pytest.mark.parametrize(
    ("replaced", "sees_closes"),
    [
        ({}, False),
        ({"Origin": "null"}, True),
        ({"Sec_WebSocket_Protocol": "chat"}, False),
        ({"Sec_WebSocket_Protocol": "chat, moorage.v1"}, True),
    ],
)
def test_browsers_and_our_own_clients_see_closes_only(replaced: dict[str, str], sees_closes: bool) -> None:
    assert an_upgrade("/", (), **replaced).sees_closes_only is sees_closes


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("POST / HTTP/1.1", 405),
        ("HEAD / HTTP/1.1", 405),
        ("get / HTTP/1.1", 400),
        ("GET / HTTP/1.0", 400),
        ("GET / HTTP/1.2", 400),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/0.9", 505),
        ("PRI * HTTP/2.0", 505),
        ("GET / HTTP/1.1 ", 400),
        (" GET / HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET / http/1.1", 400),
        ("GET / HTTP/11", 400),
        ("GET / HTTP/1.\u0661".encode().decode("latin-1"), 400),
        ("GET /", 400),
        ("", 400),
        ("GET * HTTP/1.1", 400),
        ("GET http://a.example/ HTTP/1.1", 400),
        ("GET //a\\b HTTP/1.1", 200),
        ("GET a.example:443 HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET /\xe9 HTTP/1.1", 400),
        ("GET /\xa0 HTTP/1.1", 400),
        ("GET /\x7f HTTP/1.1", 400),
        ("GET /\x00 HTTP/1.1", 400),
        ("CONNECT a:1 HTTP/1.1", 405),
    ],
)
def test_the_request_line_is_get_path_http_1_1(start: str, status: int) -> None:
    raw = a_request(start=start)

    if status == 200:
        assert isinstance(parse_upgrade(raw), Upgrade)
    else:
        assert status_of(raw) == status


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(a_request(Host=None), id="no Host"),
        pytest.param(a_request(Host=""), id="an empty Host"),
        pytest.param(a_request(extra=[("Host", "b.example")]), id="two Hosts"),
        pytest.param(a_request(extra=[("hOST", "gateway.example")]), id="two equal Hosts"),
        pytest.param(a_request(extra=[("Content-Length", "5")]), id="Content-Length"),
        pytest.param(a_request(extra=[("Content-Length", "00")]), id="an odd zero"),
        pytest.param(a_request(extra=[("Content-Length", "+0")]), id="a signed zero"),
        pytest.param(a_request(extra=[("Content-Length", "0"), ("Content-Length", "0")]), id="two Content-Lengths"),
        pytest.param(a_request(extra=[("Content-Length", "0, 5")]), id="a list of Content-Lengths"),
        pytest.param(a_request(extra=[("Transfer-Encoding", "chunked")]), id="Transfer-Encoding"),
        pytest.param(a_request(extra=[("Transfer-Encoding", "")]), id="an empty Transfer-Encoding"),
        pytest.param(a_request(extra=[("Content-Length", "0"), ("Transfer-Encoding", "chunked")]), id="both"),
        pytest.param(a_request(extra=[("Transfer-Encoding", "identity")]), id="identity"),
        pytest.param(a_request(Connection="keep-alive"), id="Connection without Upgrade"),
        pytest.param(a_request(Connection=None), id="no Connection"),
        pytest.param(a_request(Connection="upgraded"), id="Connection with a longer word"),
        pytest.param(a_request(Sec_WebSocket_Key=None), id="no key"),
        pytest.param(a_request(Sec_WebSocket_Key=""), id="an empty key"),
        pytest.param(a_request(Sec_WebSocket_Key="c2hvcnQ="), id="a short key"),
        pytest.param(a_request(Sec_WebSocket_Key="A" * 32), id="a long key"),
        pytest.param(a_request(Sec_WebSocket_Key="A" * 21 + "B=="), id="a key with stray bits"),
        pytest.param(a_request(Sec_WebSocket_Key="A" * 21 + "-=="), id="a key in base64url"),
        pytest.param(a_request(extra=[("Sec-WebSocket-Key", KEY)]), id="two keys"),
        pytest.param(a_request(extra=[("Origin", "a"), ("Origin", "b")]), id="two Origins"),
        pytest.param(a_request(Sec_WebSocket_Protocol="a, a"), id="a repeated subprotocol"),
        pytest.param(a_request(Sec_WebSocket_Protocol="a b"), id="a subprotocol with a space"),
        pytest.param(a_request(Sec_WebSocket_Protocol="a/b"), id="a subprotocol with a delimiter"),
    ],
)
def test_what_could_smuggle_or_break_is_a_bad_request(raw: bytes) -> None:
    assert status_of(raw) == 400


@pytest.mark.parametrize(
    "raw",
    [
        a_request(Upgrade=None),
        a_request(Upgrade="h2c"),
        a_request(Upgrade="websocket13"),
        a_request(Sec_WebSocket_Version=None),
        a_request(Sec_WebSocket_Version="8"),
        a_request(Sec_WebSocket_Version="013"),
        a_request(Sec_WebSocket_Version="13, 8"),
    ],
)
def test_a_request_that_could_be_an_upgrade_is_told_what_to_upgrade_to(raw: bytes) -> None:
    assert status_of(raw) == 426


def test_two_versions_are_one_too_many() -> None:
    assert status_of(a_request(extra=[("Sec-WebSocket-Version", "13")])) == 400


def test_a_body_of_length_zero_is_no_body() -> None:
    assert parse_upgrade(a_request(extra=[("Content-Length", "0")])).target == "/"


@given(st.binary(max_size=400))
def test_noise_is_refused_and_nothing_else(noise: bytes) -> None:
    with pytest.raises(Refusal):
        parse_upgrade(noise + b"\r\n\r\n")


@given(st.data())
def test_a_valid_request_with_some_bytes_changed_is_taken_or_refused(data: st.DataObject) -> None:
    raw = bytearray(a_request("/a?b=c", Origin="https://a.example", Sec_WebSocket_Protocol="chat"))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 5))] = data.draw(st.integers(0, 255))

    with suppress(Refusal):
        upgrade = parse_upgrade(bytes(raw))

        assert upgrade.target.startswith("/")
        assert not {"\r", "\n", "\0"} & set(upgrade.target + upgrade.key + "".join(upgrade.protocols))


@pytest.mark.parametrize(
    "raw",
    [
        a_request(start="GET /" + "a" * 60_000 + "\x80 HTTP/1.1"),
        a_request(start="GET " + " " * 60_000 + "HTTP/1.1"),
        a_request(Sec_WebSocket_Protocol="a," * 30_000),
        a_request(Connection="a, " * 20_000),
        a_request(Sec_WebSocket_Key="A" * 60_000),
    ],
)
def test_a_huge_request_is_read_in_linear_time(raw: bytes) -> None:
    started = process_time()
    with pytest.raises(Refusal):
        parse_upgrade(raw)

    assert process_time() - started < 0.5
