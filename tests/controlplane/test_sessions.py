"""Tests of controlplane/sessions.py."""

from __future__ import annotations

import pytest

from controlplane.io.routes.session_forms import MAX_LABELS, MAX_REGIONS
from controlplane.policy import Offer
from controlplane.sessions import (
    LIVE,
    NEXT,
    Happening,
    SessionWish,
    Status,
    closed,
    extended_end,
    opened,
    over,
    token_of,
)
from moorage.errors import Code, MoorageError
from moorage.keys import KeySet, hs256_key
from moorage.tokens import MAX_TOKEN_BYTES, mint, verify
from scheduler.values import Concurrency
from tests.controlplane.builders import KEY, NOW, SESSION, a_policy, a_session, an_opening


def test_no_change_leads_out_of_an_ended_session() -> None:
    ended = set(Status) - LIVE

    assert not [pair for pair in NEXT if pair[0] in ended]


def test_every_live_status_can_meet_every_happening() -> None:
    assert set(NEXT) == {(status, happening) for status in LIVE for happening in Happening}


def test_nothing_becomes_pending_again() -> None:
    assert Status.PENDING not in NEXT.values()


def test_a_new_session_is_pending_until_its_time_to_connect_is_over() -> None:
    session = opened(SessionWish("u1", ttl_seconds=1000), an_opening(), a_policy(), NOW)

    assert session.status is Status.PENDING
    assert session.expires_at == NOW + 1000
    assert session.connect_by == NOW + 300


def test_a_short_time_to_live_also_bounds_the_time_to_connect() -> None:
    session = opened(SessionWish("u1", ttl_seconds=10), an_opening(), a_policy(), NOW)

    assert session.connect_by == session.expires_at == NOW + 10


def test_without_a_ttl_the_policy_says_how_long() -> None:
    assert a_session().expires_at == NOW + 3600


def test_the_usual_ttl_never_passes_the_longest() -> None:
    session = opened(SessionWish("u1"), an_opening(), a_policy(max_session_seconds=60.0), NOW)

    assert session.expires_at == NOW + 60


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        (SessionWish("u1", quality="best"), "quality: must be one of standard, high, premium"),
        (SessionWish("u1", ttl_seconds=86_401), "ttl: must be at most 86400 seconds"),
        (SessionWish("u1", metadata={"a": "x" * 4096}), "metadata: takes"),
        (SessionWish("u1", metadata={"a": float("inf")}), "metadata: numbers must be finite"),
    ],
)
def test_a_wrong_wish_is_refused_with_its_field(wish: SessionWish, named: str) -> None:
    with pytest.raises(MoorageError) as refused:
        opened(wish, an_opening(), a_policy(), NOW)

    assert refused.value.code is Code.UNPROCESSABLE
    assert refused.value.detail.startswith(named)


def test_quality_and_features_decide_pools_and_labels() -> None:
    policy = a_policy(
        qualities={"high": Offer(("gpu", "big"), frozenset({("tier", "2")}))},
        features={"vision": Offer(("gpu",), frozenset({("camera", "yes")}))},
    )
    wish = SessionWish("u1", quality="high", features=("vision", "unheard-of"), labels=frozenset({("a", "b")}))

    session = opened(wish, an_opening(), policy, NOW)

    assert session.pools == ("gpu",)
    assert session.pool == "gpu"
    assert session.labels == {("tier", "2"), ("camera", "yes"), ("a", "b")}


def test_a_token_says_what_its_session_needs_and_survives_its_signature() -> None:
    session = a_session(regions=("eu", "us"), pools=("gpu",), labels=frozenset({("a", "b")}), metadata={"x": 1})
    keys = KeySet([hs256_key("k", b"s" * 32)])

    token = token_of(session, Concurrency(1, 2, 3), 600, NOW, "jti")

    assert verify(mint(token, keys), keys, NOW) == token
    assert (token.session, token.key, token.regions, token.pools) == (SESSION, KEY, ("eu", "us"), ("gpu",))
    assert token.context == {"quality": "standard", "features": [], "metadata": {"x": 1}}
    assert (token.limits.sessions_per_user, token.limits.sessions_per_key) == (1, 2)
    assert (token.expires_at, token.session_expires_at) == (NOW + 600, NOW + 3600)


def test_a_token_never_outlives_its_session() -> None:
    token = token_of(a_session(expires_at=NOW + 10), Concurrency(), 600, NOW, "jti")

    assert token.expires_at == NOW + 10


def test_the_fullest_session_that_is_accepted_fits_into_a_token() -> None:
    names = [f"{index}{'n' * 62}" for index in range(MAX_REGIONS)]
    wish = SessionWish(
        "u1",
        metadata={"m": "x" * (4096 - 56)},
        regions=tuple(names),
        pool=names[0],
        labels=frozenset((name, name) for name in names[:MAX_LABELS]),
    )
    session = opened(wish, an_opening(), a_policy(), NOW)

    text = mint(token_of(session, Concurrency(10, 10, 100), 600, NOW, "j" * 24), KeySet([hs256_key("k", b"s" * 32)]))

    assert len(text) <= MAX_TOKEN_BYTES


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (NOW + 100, NOW + 3700),  # a full time to live from now
        (NOW + 85_000, NOW + 86_400),  # never past the longest
        (NOW - 10, NOW + 3600),  # never earlier than it was
    ],
)
def test_a_refresh_moves_the_end_within_bounds(now: float, end: float) -> None:
    assert extended_end(a_session(), a_policy(), now) == end


def test_a_session_given_longer_than_the_longest_keeps_what_it_was_given() -> None:
    session = a_session(expires_at=NOW + 90_000)

    assert extended_end(session, a_policy(), NOW + 100) == NOW + 90_000


@pytest.mark.parametrize(
    ("counts", "whose"), [((1, 0, 0), "user"), ((0, 2, 0), "API key"), ((0, 0, 3), "workspace"), ((9, 9, 9), "user")]
)
def test_one_session_too_many_is_refused_saying_whose(counts: tuple[int, int, int], whose: str) -> None:
    refused = over(Concurrency(1, 2, 3), *counts)

    assert refused is not None
    assert refused.code is Code.SESSION_LIMIT_EXCEEDED
    assert f"this {whose} has" in refused.detail
    assert refused.retry_after


def test_a_limit_of_zero_is_none() -> None:
    assert over(Concurrency(), 1000, 1000, 1000) is None


def test_below_every_limit_nothing_is_refused() -> None:
    assert over(Concurrency(1, 2, 3), 0, 1, 2) is None


@pytest.mark.parametrize("status", LIVE)
def test_a_live_session_is_open(status: Status) -> None:
    assert closed(a_session(status=status), NOW) is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"status": Status.COMPLETED}, Code.SESSION_ENDED),
        ({"status": Status.FAILED}, Code.SESSION_ENDED),
        ({"status": Status.EXPIRED}, Code.SESSION_EXPIRED),
        ({"expires_at": NOW}, Code.SESSION_EXPIRED),
        ({"end_wanted": ""}, Code.SESSION_ENDED),
    ],
)
def test_what_is_over_is_closed(said: dict[str, object], code: Code) -> None:
    refused = closed(a_session(**said), NOW)

    assert refused is not None
    assert refused.code is code
