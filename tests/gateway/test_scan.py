"""Heads read in C and in Python: the same heads, the same fields, the same refusals, whatever the bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import plainscan
from gateway.heads import parse_head
from gateway.upgrade import _checked
from tests.builders import KEY, a_request
from tests.deadlines import PROGRAM

scan = pytest.importorskip("gateway.scan")

ROOT = Path(__file__).parents[2]
NAMES = ("connection", "upgrade", "authorization", "x", "a-name-that-is-longer-than-thirty-one-bytes")
BEGINNINGS = ("moorage-", "forwarded")
WITHOUT_SCAN = "import sys, pytest; sys.modules['gateway.scan'] = None; sys.exit(pytest.main(sys.argv[1:]))"

parts = st.sampled_from(
    [
        b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"\r\r\n", b":", b": ", b" ", b"\t", b"\0", b"\x7f", b"\xff", b"a", b"A: b", b"x:",
        b"GET / HTTP/1.1", b"GET /", b" HTTP/1.1", b"Host: a", b"host:", b"Upgrade: WebSocket", b"Connection: Upgrade",
        b"Connection: X, upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY.encode(), b"Content-Length: 0",
        b"Transfer-Encoding: chunked", b"Moorage-Session: x", b"moorage_user: x", b"Forwarded:", b"X-Y: \xe9", b"#", b"?a=b",
    ]
)  # fmt: skip
nearly_heads = st.lists(parts, max_size=30).map(b"".join)
lines = st.lists(parts.filter(lambda part: b"\r" not in part and b"\n" not in part), max_size=40)
heads = lines.map(lambda some: b"\r\n".join([b"GET / HTTP/1.1", *some, b"\r\n"]))
upgrade_lines = [line for line in a_request().split(b"\r\n")[1:] if line]
nearly_upgrades = (
    st.lists(st.sampled_from([b"Content-Length: 0", b"Transfer-Encoding: x", b"Upgrade: h2c", b"Host: b"]), max_size=1)
    .flatmap(lambda more: st.permutations([*upgrade_lines, *more]))
    .flatmap(lambda some: st.integers(0, 2).map(lambda less: some[less:]))
    .map(lambda some: b"\r\n".join([b"GET / HTTP/1.1", *some, b"\r\n"]))
)
fields = st.lists(st.tuples(st.sampled_from(["A", "a", "Host", "X-é"]), st.text("ab\xe9 ", max_size=5)), max_size=20)


def read(module: object, raw: bytes) -> object:
    """Everything that can be asked of a head, or None."""
    head = module.parse_head(raw)  # type: ignore[attr-defined]
    if head is None:
        return None
    names = module.Names(NAMES, BEGINNINGS)  # type: ignore[attr-defined]
    return (
        head.start,
        head.fields,
        repr(head),
        [head.all(name) for name in ("host", "Host", "x", "sec-websocket-key", "", "é")],
        head.lines_without(names),
        head.lines_without(names, frozenset({"host", "x-y", "é"})),
        head.plain_upgrade(),
    )


@given(st.binary(max_size=300))
@example(b"")
@example(b"\r\n")
@example(b"\r\n\r\n")
@example(b"\r")
@example(b"A: b")
def test_both_agree_on_any_bytes(noise: bytes) -> None:
    for raw in (noise, noise + b"\r\n\r\n", b"GET / HTTP/1.1\r\n" + noise + b"\r\n\r\n"):
        assert read(scan, raw) == read(plainscan, raw)


@given(nearly_heads | heads)
def test_both_agree_on_what_looks_like_a_head(raw: bytes) -> None:
    assert read(scan, raw) == read(plainscan, raw)


@given(st.data())
def test_both_agree_on_a_request_with_some_bytes_changed_or_cut(data: st.DataObject) -> None:
    raw = bytearray(a_request("/a?b=c", [("Moorage-User", "x"), ("Content-Type", "y")], Origin="https://a.example"))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.sampled_from([len(raw), data.draw(st.integers(0, len(raw)))]))])

    assert read(scan, cut) == read(plainscan, cut)


@pytest.mark.parametrize(
    "around",
    [
        (b"GET /", b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n", b": a\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nmoorage", b"x: a\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nA:", b"b\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nA:b", b"\r\n\r\n"),
        a_request(Sec_WebSocket_Key="A" * 20 + "$A==").split(b"$"),
        a_request(Sec_WebSocket_Key="A" * 21 + "$==").split(b"$"),
        a_request("/$").split(b"$"),
    ],
)
def test_both_put_every_byte_into_the_same_class(around: tuple[bytes, bytes]) -> None:
    for byte in range(256):
        raw = bytes((byte,)).join(around)

        assert read(scan, raw) == read(plainscan, raw)


@given(nearly_upgrades)
def test_what_passes_for_a_plain_upgrade_passes_the_whole_of_the_checks(raw: bytes) -> None:
    head = parse_head(raw)
    assert head is not None
    said = head.plain_upgrade()

    assert said is None or said == _checked(head)


@pytest.mark.parametrize("count", [0, 15, 16, 17, 63, 64, 65, 5000])
def test_a_head_may_have_any_number_of_fields(count: int) -> None:
    raw = b"GET / HTTP/1.1\r\n" + b"".join(b"N%d: v\r\n" % n for n in range(count)) + b"\r\n"

    head = scan.parse_head(raw)

    assert head.fields == tuple((f"N{n}", "v") for n in range(count))
    assert head == scan.Head(head.start, head.fields)


@given(st.text("GET /\xe9", max_size=8), fields)
def test_both_make_the_same_head_of_a_line_and_fields(start: str, some: list[tuple[str, str]]) -> None:
    compiled, plain = scan.Head(start, tuple(some)), plainscan.Head(start, tuple(some))

    assert (compiled.start, compiled.fields) == (plain.start, plain.fields)
    assert compiled.all("host") == plain.all("host")
    assert compiled.plain_upgrade() == plain.plain_upgrade()


def test_the_upgrade_that_nearly_all_clients_send_is_recognised_by_both() -> None:
    raw = a_request("/room", Connection="upgrade", Upgrade="WebSocket")

    assert scan.parse_head(raw).plain_upgrade() == ("/room", KEY)
    assert plainscan.parse_head(raw).plain_upgrade() == ("/room", KEY)  # type: ignore[union-attr]


def test_without_the_compiled_scanner_all_tests_of_heads_pass_too() -> None:
    modules = [
        f"tests/gateway/test_{name}.py" for name in ("heads", "upgrade", "forward", "answers", "gate", "credentials")
    ]

    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_SCAN, "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *modules],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )

    assert run.returncode == 0, run.stdout[-5000:]
