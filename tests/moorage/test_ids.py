"""Ids sort by time, carry their type, and nothing else passes for one."""

from __future__ import annotations

import pytest

from moorage import ids

ZERO = "0" * 26


def nothing_but_ones(count: int) -> bytes:
    return b"\xff" * count


def no_chance(count: int) -> bytes:
    return bytes(count)


def test_an_id_is_a_prefix_and_26_characters_of_a_uuid_version_7() -> None:
    made = ids.make("ses", 1_700_000_000.123, no_chance)

    body = made.removeprefix("ses_")
    number = 0
    for character in body:
        number = number << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert len(body) == 26
    assert number >> 80 == 1_700_000_000_123
    assert number >> 76 & 0xF == 7
    assert number >> 62 & 0b11 == 0b10
    assert number & (1 << 62) - 1 == 0


def test_chance_never_touches_time_version_or_variant() -> None:
    low, high = ids.make("ses", 1.0, no_chance), ids.make("ses", 1.0, nothing_but_ones)

    assert low < high < ids.make("ses", 1.5, no_chance)
    assert low[:14] == high[:14]  # the prefix and 50 bits: all of the time


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [ids.make("wrk", now, no_chance) for now in (0.0, 1.0, 1e9, 2e9, 1e11)]

    assert made == sorted(made)


@pytest.mark.parametrize(
    ("parse", "prefix"),
    [
        (ids.parse_session, "ses"),
        (ids.parse_worker, "wrk"),
        (ids.parse_user, "usr"),
        (ids.parse_workspace, "wsp"),
        (ids.parse_key, "key"),
    ],
)
def test_each_parser_takes_its_own_type_only(parse: type[str], prefix: str) -> None:
    assert parse(f"{prefix}_{ZERO}") == f"{prefix}_{ZERO}"
    with pytest.raises(ValueError, match=f"is no {prefix}_ id"):
        parse(f"evt_{ZERO}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ses_",
        f"ses_{ZERO}0",
        f"ses_{ZERO[1:]}",
        f"ses-{ZERO}",
        f"ses_8{ZERO[1:]}",
        f"ses_{ZERO[1:]}u",
        f"ses_{ZERO}\n",
    ],
)
def test_what_merely_looks_like_an_id_is_none(text: str) -> None:
    assert not ids.is_id("ses", text)
    with pytest.raises(ValueError, match="is no ses_ id"):
        ids.parse_session(text)


def test_an_error_shows_at_most_forty_characters_of_what_was_seen() -> None:
    with pytest.raises(ValueError, match="is no ses_ id") as caught:
        ids.parse_session("x" * 100_000)

    assert len(str(caught.value)) < 80


def test_every_type_has_its_own_prefix() -> None:
    assert len(set(ids.PREFIXES.values())) == len(ids.PREFIXES) == 10
