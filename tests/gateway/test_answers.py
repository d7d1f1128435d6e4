"""What workers answer: a 101 that can be passed on, a refusal that is the client's to see, or garbage."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import Declined, Garbage, Switched, parse_answer
from gateway.heads import Head, parse_head
from tests.builders import ACCEPT, Fields, a_visitor, an_answer, an_upgrade


def switched(*, offered: str | None = None, extra: Fields = (), **replaced: str | None) -> Head:
    visitor = a_visitor(an_upgrade(Authorization="Bearer x", Sec_WebSocket_Protocol=offered))
    answer = parse_answer(an_answer("HTTP/1.1 101 Switching Protocols", extra, **replaced), visitor)
    assert isinstance(answer, Switched)
    head = parse_head(answer.head)
    assert head is not None
    return head


def declined(raw: bytes) -> Declined:
    answer = parse_answer(raw, a_visitor())
    assert isinstance(answer, Declined)
    return answer


def test_a_101_is_passed_on_with_hop_fields_made_anew() -> None:
    head = switched(
        extra=[("Sec-WebSocket-Extensions", "permessage-deflate"), ("Set-Cookie", "a=b"), ("Keep-Alive", "5")],
        Connection="keep-alive, upgrade",
        Upgrade="WebSocket",
    )

    assert head.start == "HTTP/1.1 101 Switching Protocols"
    assert head.all("upgrade") == ["websocket"]
    assert head.all("connection") == ["Upgrade"]
    assert head.all("sec-websocket-accept") == [ACCEPT]
    assert head.all("sec-websocket-extensions") == ["permessage-deflate"]
    assert head.all("set-cookie") == ["a=b"]
    assert head.all("keep-alive") == []


def test_a_101_announces_no_body() -> None:
    head = switched(extra=[("Content-Length", "5"), ("Transfer-Encoding", "chunked")])

    assert (head.all("content-length"), head.all("transfer-encoding")) == ([], [])


@pytest.mark.parametrize(
    ("offered", "selected", "told"),
    [
        (None, None, []),
        ("chat", None, []),
        ("chat", "chat", ["chat"]),
        ("chat, moorage.v1", "chat", ["chat"]),
        ("chat, moorage.v1", None, ["moorage.v1"]),
        ("moorage.v1", "moorage.v1", ["moorage.v1"]),
    ],
)
def test_the_workers_choice_counts_and_ours_fills_in(
    offered: str | None, selected: str | None, told: list[str]
) -> None:
    assert switched(offered=offered, Sec_WebSocket_Protocol=selected).all("sec-websocket-protocol") == told


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\r\n\r\n", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9\r\n\r\n", id="another protocol"),
        pytest.param(an_answer("HTTP/1.0 101 Switching Protocols"), id="HTTP/1.0"),
        pytest.param(an_answer("HTTP/2 101"), id="HTTP/2"),
        pytest.param(an_answer("HTTP/1.1 1010"), id="four digits"),
        pytest.param(an_answer("HTTP/1.1 099 x"), id="a status under 100"),
        pytest.param(an_answer("HTTP/1.1 600 x"), id="a status over 599"),
        pytest.param(an_answer("HTTP/1.1 100 Continue"), id="continue"),
        pytest.param(an_answer("HTTP/1.1 103 Early Hints"), id="early hints"),
        pytest.param(an_answer("HTTP/1.1 101 a\x00b"), id="NUL in the phrase"),
        pytest.param(an_answer(Sec_WebSocket_Accept=None), id="no accept key"),
        pytest.param(an_answer(Sec_WebSocket_Accept="x" + ACCEPT[1:]), id="a wrong accept key"),
        pytest.param(an_answer(extra=[("Sec-WebSocket-Accept", ACCEPT)]), id="two accept keys"),
        pytest.param(an_answer(Upgrade=None), id="no Upgrade"),
        pytest.param(an_answer(Upgrade="h2c"), id="another Upgrade"),
        pytest.param(an_answer(extra=[("Upgrade", "websocket")]), id="two Upgrades"),
        pytest.param(an_answer(Sec_WebSocket_Protocol="chat"), id="a subprotocol that was not offered"),
        pytest.param(b"HTTP/1.1 101 x\r\nA : b\r\n\r\n", id="a broken field"),
        pytest.param(an_answer("HTTP/1.1 404 x", extra=[("Content-Length", "-1")]), id="a negative length"),
        pytest.param(
            an_answer("HTTP/1.1 404 x", extra=[("Content-Length", "1"), ("Content-Length", "2")]), id="two lengths"
        ),
        pytest.param(an_answer("HTTP/1.1 404 x", extra=[("Content-Length", "9" * 13)]), id="a huge length"),
        pytest.param(an_answer("HTTP/1.1 404 x", extra=[("Transfer-Encoding", "gzip, chunked")]), id="another coding"),
    ],
)
def test_anything_else_is_garbage(raw: bytes) -> None:
    assert isinstance(parse_answer(raw, a_visitor()), Garbage)


def test_two_selected_subprotocols_are_garbage() -> None:
    visitor = a_visitor(an_upgrade(Authorization="Bearer x", Sec_WebSocket_Protocol="a, b"))
    raw = an_answer(extra=[("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b")])

    assert isinstance(parse_answer(raw, visitor), Garbage)


def test_a_token_subprotocol_cannot_be_selected() -> None:
    visitor = a_visitor(an_upgrade(Sec_WebSocket_Protocol="moorage.token.x"))

    assert isinstance(parse_answer(an_answer(Sec_WebSocket_Protocol="moorage.token.x"), visitor), Garbage)


@pytest.mark.parametrize(
    ("start", "fields", "status", "length", "is_chunked"),
    [
        ("HTTP/1.1 404 Not Found", [("Content-Length", "5")], 404, 5, False),
        ("HTTP/1.1 503", [], 503, None, False),
        ("HTTP/1.1 401 x", [("Transfer-Encoding", "Chunked")], 401, None, True),
        ("HTTP/1.1 401 x", [("Transfer-Encoding", "chunked"), ("Content-Length", "5")], 401, None, True),
        ("HTTP/1.1 204 No Content", [("Content-Length", "5")], 204, 0, False),
        ("HTTP/1.1 304 x", [("Transfer-Encoding", "chunked")], 304, 0, False),
        ("HTTP/1.1 200 OK", [("Content-Length", "0")], 200, 0, False),
    ],
)
def test_another_status_is_the_clients_to_see(
    start: str, fields: Fields, status: int, length: int | None, is_chunked: bool
) -> None:
    answer = declined(an_answer(start, fields))

    assert (answer.status, answer.body_bytes, answer.is_chunked) == (status, length, is_chunked)


def test_a_refusal_is_framed_anew_and_ends_the_connection() -> None:
    fields = [
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "99"),
        ("Connection", "keep-alive"),
        ("X", "caf\xe9"),
    ]
    answer = declined("\r\n".join(["HTTP/1.1 404 Nope", *(f"{k}: {v}" for k, v in fields), "\r\n"]).encode("latin-1"))

    assert answer.with_body(b"gone") == (
        b"HTTP/1.1 404 Nope\r\nX: caf\xe9\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone"
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_one_of_the_three(noise: bytes) -> None:
    visitor = a_visitor()

    for raw in (
        noise + b"\r\n\r\n",
        b"HTTP/1.1 101 x\r\n" + noise + b"\r\n\r\n",
        b"HTTP/1.1 404 x\r\n" + noise + b"\r\n\r\n",
    ):
        assert isinstance(parse_answer(raw, visitor), Switched | Declined | Garbage)


@pytest.mark.parametrize("start", ["HTTP/1.1 101 " + " " * 60_000 + "\x00", "HTTP/1.1" + " " * 60_000, "H" * 60_000])
def test_a_huge_answer_is_read_in_linear_time(start: str) -> None:
    started = process_time()
    parse_answer(an_answer(start), a_visitor())

    assert process_time() - started < 0.5
