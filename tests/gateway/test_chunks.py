"""The chunked coding: decoded from any fragment, refused when it is something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chunks import BadChunk, unchunk

WHOLE = b"4\r\nWiki\r\n5;a=b\r\npedia\r\n0A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"


def test_a_whole_body_is_decoded() -> None:
    assert unchunk(WHOLE) == (b"Wikipedia0123456789", True)


def test_every_beginning_of_a_body_decodes_to_its_beginning() -> None:
    end = WHOLE.index(b"\r\n0\r\n") + 5

    for cut in range(len(WHOLE)):
        body, is_whole = unchunk(WHOLE[:cut])

        assert b"Wikipedia0123456789".startswith(body)
        assert is_whole is (cut >= end)


@pytest.mark.parametrize(
    "raw",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\nabc\r\n",
        b"123456789\r\n",
        b"1" * 5000,
        b"1;" + b"a" * 5000,
    ],
)
def test_what_is_not_chunked_is_refused(raw: bytes) -> None:
    with pytest.raises(BadChunk):
        unchunk(raw)


@given(st.lists(st.binary(min_size=1, max_size=20)))
def test_what_was_chunked_comes_back(parts: list[bytes]) -> None:
    raw = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"

    assert unchunk(raw) == (b"".join(parts), True)
