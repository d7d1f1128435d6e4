"""Origins: whose pages may connect."""

from __future__ import annotations

from time import process_time

import pytest

from gateway.origins import Origins

LISTED = Origins(("https://app.example", "https://*.pages.example", "http://localhost:*", "null"))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "https://app.example",
        "HTTPS://App.Example",
        "https://a-1.pages.example",
        "http://localhost:3000",
        "null",
    ],
)
def test_listed_origins_and_programs_without_one_may_connect(origin: str | None) -> None:
    assert LISTED.allows(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "https://app.example.evil",
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://appxexample",
        "https://a.b.pages.example",
        "https://.pages.example",
        "https://pages.example",
        "https://evil/.pages.example",
        "https://app.example\n",
        "file://",
    ],
)
def test_other_origins_may_not(origin: str) -> None:
    assert not LISTED.allows(origin)


def test_an_empty_list_allows_all() -> None:
    assert Origins(()).allows("https://anything.example")


def test_a_long_origin_is_judged_in_linear_time() -> None:
    started = process_time()

    assert not Origins(("https://*-*-*.example",)).allows("https://" + "a" * 2000 + "!")
    assert process_time() - started < 0.5
