"""Revocations: what was issued before stays out, what is issued after comes in, and nothing is kept for ever."""

from __future__ import annotations

import pytest

from gateway.revocations import Revocations
from scheduler.values import Revocation
from tests.builders import NOW, a_token

TOKEN = a_token()
SUBJECTS = [("session", TOKEN.session), ("user", TOKEN.user), ("key", TOKEN.key), ("workspace", TOKEN.workspace)]


def a_revocation(kind: str = "user", subject: str = TOKEN.user, until: float = 100, before: float = 10) -> Revocation:
    return Revocation(kind, subject, NOW + until, NOW + before)


def in_force(*revocations: Revocation) -> Revocations:
    all_of_them = Revocations()
    for revocation in revocations:
        all_of_them.add(revocation)
    return all_of_them


@pytest.mark.parametrize(("kind", "subject"), SUBJECTS)
def test_whatever_a_token_belongs_to_can_be_revoked(kind: str, subject: str) -> None:
    assert in_force(a_revocation(kind, subject)).refuses(TOKEN, NOW)


def test_others_are_not_touched() -> None:
    assert not in_force().refuses(TOKEN, NOW)
    assert not in_force(a_revocation("user", TOKEN.session)).refuses(TOKEN, NOW)
    assert not in_force(a_revocation("user", a_token(1).user)).refuses(TOKEN, NOW)


def test_a_token_made_after_the_revocation_is_good() -> None:
    revocations = in_force(a_revocation(before=10))

    assert not revocations.refuses(a_token(issued_at=NOW + 10), NOW + 11)
    assert revocations.refuses(a_token(issued_at=NOW + 9.9), NOW + 11)


@pytest.mark.parametrize("order", [1, -1])
def test_two_revocations_of_one_subject_refuse_what_either_does(order: int) -> None:
    both = [a_revocation(until=100, before=10), a_revocation(until=90, before=50)][::order]

    revocations = in_force(*both)

    assert revocations.refuses(a_token(issued_at=NOW + 40), NOW + 60)
    assert revocations.refuses(a_token(issued_at=NOW + 5), NOW + 95)
    assert len(revocations) == 1


def test_what_is_over_is_forgotten_and_refuses_nothing_before_that() -> None:
    revocations = in_force(a_revocation(until=100), a_revocation("session", TOKEN.session, until=200))

    assert in_force(a_revocation(until=100)).refuses(TOKEN, NOW + 100) is False
    revocations.forget(NOW + 100)

    assert len(revocations) == 1
    assert revocations.refuses(TOKEN, NOW + 100)
