from __future__ import annotations

from dataclasses import replace

import pytest

from moorage.ids import SessionId
from scheduler.registrations import flaw
from scheduler.values import SessionOnWorker
from tests.scheduler.builders import a_worker


def test_a_plain_worker_has_no_flaw() -> None:
    assert flaw(a_worker(slots=100_000, labels=[("zone", ""), ("gpu", "a100")])) is None


def test_a_worker_that_dials_out_has_no_flaw() -> None:
    assert flaw(replace(a_worker(), address="dial-out")) is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"slots": 0}, "slots"),
        ({"slots": 100_001}, "slots"),
        ({"name": ""}, "name"),
        ({"region": "r" * 129}, "region"),
        ({"pool": "a\x00"}, "pool"),
        ({"version": "v" * 129}, "version"),
        ({"address": "a"}, "address"),
        ({"address": "nowhere"}, "address"),
        ({"labels": frozenset((str(number), "") for number in range(33))}, "labels"),
        ({"labels": frozenset({("", "")})}, "labels"),
        ({"labels": frozenset({("k" * 254, "")})}, "labels"),
        ({"labels": frozenset({("k", "1"), ("k", "2")})}, "labels"),
        (
            {"slots": 1, "sessions": tuple(SessionOnWorker(SessionId(str(n)), n, False) for n in range(3))},
            "sessions",
        ),
    ],
)
def test_the_first_flaw_names_its_field(change: dict[str, object], word: str) -> None:
    said = flaw(replace(a_worker(), **change))  # type: ignore[arg-type]

    assert said is not None
    assert said.startswith(word)
