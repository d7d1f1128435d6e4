"""A memory goes through JSON unchanged, also into another version's hands, and never grows without a bound."""

from __future__ import annotations

import json

from autoscaler.memories import MOST_BYTES, decode, encode
from autoscaler.memory import Memory
from tests.autoscaler.builders import Timeline, a_policy


def test_what_a_busy_day_left_comes_back_as_it_was() -> None:
    line = Timeline(a_policy(every=60.0)).serve(6, 3, 0)
    line.run(86_400.0)

    assert decode(encode(line.memory)) == line.memory


def test_an_older_document_lacks_fields_and_has_others() -> None:
    assert decode(b'{"cordoned": ["wrk_1"], "regrets": 3}') == Memory(cordoned=frozenset({"wrk_1"}))  # type: ignore[arg-type]  # an id


def test_what_is_no_memory_is_none() -> None:
    assert decode(b"") is None
    assert decode(b'{"cordoned": 3}') is None
    assert decode(b"\xff") is None
    assert decode(b" " * (MOST_BYTES + 1)) is None


def test_ten_days_of_looks_are_bounded() -> None:
    line = Timeline(a_policy(every=60.0)).serve(*[4] * 3)
    line.run(10 * 86_400.0)

    assert len(encode(line.memory)) < 40_000
    assert json.loads(encode(line.memory))["pace"]
