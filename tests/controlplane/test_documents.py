"""Tests of controlplane/documents.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.documents import json_bytes, rfc3339


def test_times_go_out_in_utc_with_milliseconds() -> None:
    assert rfc3339(1_800_000_000.5) == "2027-01-15T08:00:00.500Z"
    assert rfc3339(None) is None


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_the_size_is_that_of_compact_json(value: Any) -> None:
    assert json_bytes(value) == len(json.dumps(value, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": [float("nan")]}, "finite"),
        ([float("-inf")], "finite"),
        ({"a": 1 << 63}, "64 bits"),
        ([-(1 << 63) - 1], "64 bits"),
        ({"a\0": 1}, "NUL"),
        (["\0"], "NUL"),
        (json.loads("[" * 17 + "]" * 17), "deeper than 16"),
        (json.loads('{"a":' * 40 + "1" + "}" * 40), "deeper than 16"),
    ],
)
def test_what_another_language_could_not_read_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        json_bytes(value)


def test_sixteen_levels_are_fine() -> None:
    assert json_bytes(json.loads("[" * 16 + "]" * 16)) == 32
