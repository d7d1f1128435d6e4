"""Bodies of requests: too long, without an end, no JSON, or JSON beyond reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connections import a_connection
from tests.controlplane.io.conftest import Harbour, Open
from tests.controlplane.io.problems import is_problem
from tests.deadlines import SOON


async def test_a_body_over_the_limit_is_refused_by_its_length(harbour: Harbour) -> None:
    answer = await harbour.admin.post("/sessions", content=b"x" * ((1 << 20) + 1))

    assert is_problem(answer, 413, "BODY_TOO_LARGE")


async def test_a_body_over_the_limit_is_refused_without_a_length(harbour: Harbour) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * 65_536

    answer = await harbour.admin.post("/sessions", content=chunks())

    assert is_problem(answer, 413, "BODY_TOO_LARGE")


async def test_a_body_at_the_limit_is_read(harbour: Harbour) -> None:
    headers = {"content-type": "application/json"}

    answer = await harbour.admin.post("/sessions", content=b" " * (1 << 20), headers=headers)

    assert is_problem(answer, 400, "BAD_REQUEST")


async def test_a_body_of_two_lengths_is_refused_and_ends_the_connection(harbour: Harbour) -> None:
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with a_connection(harbour.plane.port) as (reader, writer):
        writer.write(head + b"0\r\n\r\n" + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")

        said = await asyncio.wait_for(reader.read(), SOON)

    assert said.startswith(b"HTTP/1.1 400")
    assert b"not both" in said
    assert b"HTTP/1.1 200" not in said


async def test_a_body_that_never_ends_is_cut_off(open_harbour: Open) -> None:
    harbour = await open_harbour(body_seconds=0.1)
    async with a_connection(harbour.plane.port) as (reader, writer):
        writer.write(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SOON)
        body = await asyncio.wait_for(reader.read(), SOON)

    assert head.startswith(b"HTTP/1.1 400")
    assert b"not complete after" in body


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff\xfe", b'{"end_user_id": "\\ud800"}', b'{"end_user_id": NaN}', b"[" * 5000, b"1" * 5000,
        b'{"end_user_id":"u","metadata":{"a":NaN}}', b'{"end_user_id":"u"} x',
    ],
)  # fmt: skip
async def test_what_is_no_json_is_a_bad_request_or_a_missing_body(harbour: Harbour, body: bytes) -> None:
    answer = await harbour.admin.post("/sessions", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == ("BAD_REQUEST" if body else "UNPROCESSABLE")


@pytest.mark.parametrize(
    "body",
    [
        b'{"end_user_id":"u","metadata":{"a":1e999}}',
        b'{"end_user_id":"u","ttl":1e999}',
        b'{"end_user_id":"u","metadata":{"a":' + b"9" * 4000 + b"}}",
        b'{"end_user_id":"u","metadata":' + b'{"a":' * 100 + b"1" + b"}" * 101,
        b'{"end_user_id":"u","end_user_id":7}',
    ],
)
async def test_json_beyond_reason_is_refused(harbour: Harbour, body: bytes) -> None:
    answer = await harbour.admin.post("/sessions", content=body, headers={"content-type": "application/json"})

    assert is_problem(answer, 422, "UNPROCESSABLE")


async def test_a_form_is_told_to_be_json(harbour: Harbour) -> None:
    answer = await harbour.admin.post("/sessions", data={"end_user_id": "u"})

    assert is_problem(answer, 422, "UNPROCESSABLE")
    assert "content-type application/json" in answer.json()["detail"]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


_FIELDS = ["end_user_id", "quality", "features", "metadata", "labels", "region", "regions", "pool", "ttl", "other"]


_PATHS = ["/sessions", "/tokens/validate", "/tokens/refresh", "/join-keys", "/workers"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_body_whatever_breaks_the_server(harbour: Harbour, data: st.DataObject) -> None:
    fields = data.draw(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=5) | _VALUES)
    path = data.draw(st.sampled_from(_PATHS))
    body = json.dumps(fields).encode()
    harbour.admin.headers["authorization"] = f"Bearer {harbour.welcome.join_key}" if path == "/workers" else ""

    answer = await harbour.admin.post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code < 500, answer.text
