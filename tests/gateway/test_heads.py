"""The grammar of heads: what RFC 9112 lets through, and nothing that could be read in two ways."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.heads import Head, elements, is_token, parse_head


def test_a_head_is_its_start_line_and_its_fields_in_order() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-B:\t b c \t\r\nhost:\r\n\r\n"

    head = parse_head(raw)

    assert head == Head("GET / HTTP/1.1", (("Host", "a"), ("X-B", "b c"), ("host", "")))


def test_a_head_may_have_no_fields() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\n\r\n") == Head("GET / HTTP/1.1", ())


def test_values_of_a_field_are_found_whatever_its_case() -> None:
    head = Head("", (("Accept", "a"), ("ACCEPT", "b"), ("accept-x", "c")))

    assert head.all("accept") == ["a", "b"]


def test_bytes_over_127_stay_themselves() -> None:
    head = parse_head(b"GET / HTTP/1.1\r\nX: \xc3\xa9\xff\r\n\r\n")

    assert head is not None
    assert head.all("x")[0].encode("latin-1") == b"\xc3\xa9\xff"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", id="space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", id="tab before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", id="obs-fold with a space"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n", id="obs-fold with a tab"),
        pytest.param(b"GET / HTTP/1.1\r\n A: b\r\n\r\n", id="a first field that is folded"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\nX: c\r\n\r\n", id="bare LF in a value"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\rX: c\r\n\r\n", id="bare CR in a value"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\r\n\r\n", id="bare LF behind the start line"),
        pytest.param(b"GET / HTTP/1.1\rHost: a\r\n\r\n", id="bare CR in the start line"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\r\n\r\n", id="doubled CR"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", id="NUL in a value"),
        pytest.param(b"GET / HTTP/1.1\r\nA\0: b\r\n\r\n", id="NUL in a name"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", id="DEL in a value"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\x0bc\r\n\r\n", id="vertical tab in a value"),
        pytest.param(b"GET / HTTP/1.1\r\n: b\r\n\r\n", id="an empty name"),
        pytest.param(b"GET / HTTP/1.1\r\nAb\r\n\r\n", id="no colon"),
        pytest.param(b"GET / HTTP/1.1\r\nA(b): c\r\n\r\n", id="a delimiter in a name"),
        pytest.param("GET / HTTP/1.1\r\nÄ: b\r\n\r\n".encode(), id="a name beyond ASCII"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n", id="no empty line"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n\r\nrest", id="bytes behind the empty line"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n\n", id="line feeds only"),
    ],
)
def test_what_can_be_read_in_two_ways_is_no_head(raw: bytes) -> None:
    assert parse_head(raw) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a", True),
        ("!#$%&'*+-.^_`|~9Z", True),
        ("", False),
        ("a b", False),
        ("a,", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_tokens_are_those_of_rfc_9110(text: str, is_one: bool) -> None:
    assert is_token(text) is is_one


def test_elements_join_fields_and_drop_empty_members() -> None:
    assert elements(["a, b", " ,\t,c ", ""]) == ["a", "b", "c"]


@given(st.binary(max_size=300))
@example(b"A" * 300)
def test_any_bytes_give_a_head_or_none(noise: bytes) -> None:
    for raw in (noise, noise + b"\r\n\r\n", b"GET / HTTP/1.1\r\n" + noise + b"\r\n\r\n"):
        head = parse_head(raw)

        assert head is None or all(
            is_token(name) and not {"\r", "\n", "\0"} & set(value) for name, value in head.fields
        )


@pytest.mark.parametrize(
    "field", [b"A: " + b" " * 64_000, b"A" * 64_000, b"A:" + b"\t b" * 20_000 + b"\x00", b"A:b\r\n" * 13_000 + b"!"]
)
def test_the_grammar_is_read_in_linear_time(field: bytes) -> None:
    started = process_time()
    parse_head(b"GET / HTTP/1.1\r\n" + field + b"\r\n\r\n")

    assert process_time() - started < 0.5
