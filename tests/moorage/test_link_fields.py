"""Fields of the link's messages: what each reader takes, and what it says of everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moorage import link_fields as read
from moorage.link import MAX_TEXT
from moorage.link_fields import LinkError

Reader = Callable[[dict[str, Any], str], object]
WORKER = "wrk_" + "0" * 26


def a_count(fields: dict[str, Any], name: str) -> int:
    return read.whole(fields, name, 1, 5)


def a_load(fields: dict[str, Any], name: str) -> float:
    return read.number(fields, name, 0.5, 10.0)


def a_flag(fields: dict[str, Any], name: str) -> bool:
    return read.flag(fields, name, default=True)


def some_texts(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    return read.listing(fields, name, str)


@pytest.mark.parametrize(
    ("reader", "said", "expected"),
    [
        (read.text, "x" * MAX_TEXT, "x" * MAX_TEXT),
        (a_count, 1, 1),
        (a_count, 5, 5),
        (a_load, 10, 10.0),
        (read.seconds, 0, 0.0),
        (a_flag, False, False),
        (read.claim_key, b"k" * 16, b"k" * 16),
        (read.worker_id, WORKER, WORKER),
        (read.session_id, "ses_1", "ses_1"),
        (some_texts, ["a", "b"], ("a", "b")),
    ],
)
def test_what_is_in_bounds_is_taken(reader: Reader, said: object, expected: object) -> None:
    assert reader({"it": said}, "it") == expected


@pytest.mark.parametrize(("reader", "expected"), [(a_load, 0.5), (a_flag, True), (some_texts, ())])
def test_a_missing_field_has_its_default(reader: Reader, expected: object) -> None:
    assert reader({}, "it") == expected


@pytest.mark.parametrize(
    ("reader", "wanted"),
    [
        (read.text, "a text of at most 256 characters"),
        (a_count, "a whole number from 1 to 5"),
        (read.seconds, "a number from 0 to"),
        (read.claim_key, "a key of 16 to 256 bytes"),
        (read.worker_id, "an id"),
    ],
)
def test_a_missing_field_without_a_default_is_named(reader: Reader, wanted: str) -> None:
    with pytest.raises(LinkError, match=f"^it is {wanted}"):
        reader({}, "it")


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (read.text, "x" * (MAX_TEXT + 1)),
        (read.text, b"bytes"),
        (a_count, 0),
        (a_count, 6),
        (a_count, True),
        (a_count, 1.0),
        (a_load, -0.1),
        (a_load, 10.1),
        (a_load, float("nan")),
        (a_load, float("inf")),
        (a_load, True),
        (read.seconds, 1e12),
        (a_flag, 1),
        (read.claim_key, b"k" * 15),
        (read.claim_key, "k" * 16),
        (read.session_id, "ses_"),
        (read.session_id, "SES_1"),
        (read.session_id, "ses_" + "x" * 65),
        (some_texts, "ab"),
        (some_texts, {"a": 1}),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(reader: Reader, said: object) -> None:
    with pytest.raises(LinkError, match=r"^it is "):
        reader({"it": said}, "it")


def test_a_key_is_not_shown_and_everything_else_is_cut_short() -> None:
    with pytest.raises(LinkError) as key:
        read.claim_key({"it": b"secret"}, "it")
    with pytest.raises(LinkError) as long:
        read.worker_id({"it": "y" * 1000}, "it")

    assert "secret" not in str(key.value)
    assert len(str(long.value)) < 100


def test_what_is_optional_may_be_missing_or_nil_but_not_wrong() -> None:
    assert read.optional({}, "it", read.text) is None
    assert read.optional({"it": None}, "it", read.text) is None
    assert read.optional({"it": "a"}, "it", read.text) == "a"
    with pytest.raises(LinkError):
        read.optional({"it": 7}, "it", read.text)
