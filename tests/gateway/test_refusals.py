"""Refusals in both forms: what an HTTP client reads, and what a browser's close event shows."""

from __future__ import annotations

import json

import pytest

from gateway.heads import parse_head
from gateway.refusals import Refusal, accept_key, as_close, as_http, close_frame
from moorage.errors import CATALOGUE, MAX_REASON_BYTES, Code
from tests.builders import ACCEPT, KEY


def test_the_accept_key_is_the_rfcs_own_example() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_close_frame_is_unmasked_and_carries_code_and_reason() -> None:
    assert close_frame(4503, b"no") == b"\x88\x04\x11\x97no"


def test_a_refusal_speaks_for_itself_without_a_detail() -> None:
    refusal = Refusal(Code.NO_CAPACITY)

    assert (str(refusal), refusal.detail, refusal.status) == (
        CATALOGUE[Code.NO_CAPACITY].meaning,
        CATALOGUE[Code.NO_CAPACITY].meaning,
        503,
    )


def test_http_clients_get_a_problem_document() -> None:
    head, _, body = as_http(Refusal(Code.NO_CAPACITY, "all is full", retry_after=2.3456)).partition(b"\r\n\r\n")

    parsed = parse_head(head + b"\r\n\r\n")
    assert parsed is not None
    assert parsed.start == "HTTP/1.1 503 Service Unavailable"
    assert parsed.all("content-type") == ["application/problem+json"]
    assert parsed.all("content-length") == [str(len(body))]
    assert parsed.all("connection") == ["close"]
    assert parsed.all("retry-after") == ["3"]
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "NO_CAPACITY",
        "detail": "all is full",
        "retryable": True,
        "retry_after": 2.346,
    }


@pytest.mark.parametrize(
    ("status", "field"),
    [
        (401, b'WWW-Authenticate: Bearer realm="moorage"'),
        (405, b"Allow: GET"),
        (426, b"Sec-WebSocket-Version: 13"),
        (426, b"Upgrade: websocket"),
    ],
)
def test_statuses_carry_the_fields_that_rfc_9110_asks_of_them(status: int, field: bytes) -> None:
    assert b"\r\n" + field + b"\r\n" in as_http(Refusal(Code.BAD_REQUEST, status=status))


def test_without_a_time_to_wait_there_is_no_retry_after() -> None:
    answer = as_http(Refusal(Code.PERMISSION_DENIED))

    assert b"Retry-After" not in answer
    assert b"retry_after" not in answer


def test_a_detail_cannot_break_out_of_its_document() -> None:
    answer = as_http(Refusal(Code.PERMISSION_DENIED, 'evil"\r\nX-Injected: 1\r\n\r\n\u00e9'))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"X-Injected" not in head
    assert json.loads(body)["detail"].startswith('evil"\r\n')


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_both_forms(code: Code) -> None:
    refusal = Refusal(code, retry_after=12345.678)

    head, _, frame = as_close(refusal, KEY, ()).partition(b"\r\n\r\n")

    assert as_http(refusal).startswith(b"HTTP/1.1 %d " % (CATALOGUE[code].status or 500))
    assert head.startswith(b"HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}".encode() in head
    assert frame[:2] == bytes((0x88, len(frame) - 2))
    assert len(frame) - 4 <= MAX_REASON_BYTES
    assert int.from_bytes(frame[2:4], "big") == (CATALOGUE[code].close or 1011)
    assert json.loads(frame[4:]) == {"code": code.value, "retry_after": 12345.678}


@pytest.mark.parametrize(
    ("offered", "selected"),
    [((), None), (("chat", "json"), "chat"), (("chat", "moorage.v1"), "moorage.v1")],
)
def test_a_closed_upgrade_selects_what_the_client_offered(offered: tuple[str, ...], selected: str | None) -> None:
    answer = as_close(Refusal(Code.NO_CAPACITY), KEY, offered)
    head = parse_head(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    assert head is not None
    assert head.all("sec-websocket-protocol") == ([selected] if selected else [])
