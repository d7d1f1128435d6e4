"""Reviews of rights at a small API server: what is missing, what of it matters, and how often it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from autoscaler import rights
from autoscaler.io.kubernetes import reviewing
from autoscaler.io.kubernetes.reviewing import Reviewer
from autoscaler.io.kubernetes.troubles import Refused
from autoscaler.kinds import DEPLOYMENT
from tests.autoscaler.io.kubernetes.settled import KEDA, REVIEW, Fleet
from tests.autoscaler.io.kubernetes.stub import Stub

NEEDED = rights.needed(DEPLOYMENT)
LISTING = next(right for right in NEEDED if right.resource == "scaledobjects")


@pytest_asyncio.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with Stub() as stub:
        found = Fleet(stub)
        found.forbids_scaled_objects()
        yield found


@pytest.fixture
def reviewer(fleet: Fleet) -> Reviewer:
    return Reviewer(fleet.stub.api, "prod", "web", NEEDED)


async def test_a_missing_right_on_a_kind_that_is_there_is_wanted(fleet: Fleet, reviewer: Reviewer) -> None:
    fleet.installs_keda()

    review = await reviewer.review()

    assert (review.missing, review.wanted) == ((LISTING,), (LISTING,))


async def test_a_missing_right_on_a_kind_that_is_not_there_is_not_wanted(reviewer: Reviewer) -> None:
    review = await reviewer.review()

    assert (review.missing, review.wanted) == ((LISTING,), ())


async def test_a_kind_whose_group_has_only_others_is_not_there(fleet: Fleet, reviewer: Reviewer) -> None:
    fleet.stub.says("GET", KEDA, {"resources": [{"name": "triggerauthentications"}]})

    assert (await reviewer.review()).wanted == ()


async def test_a_kind_that_may_not_be_discovered_passes_for_one_that_is_there(fleet: Fleet, reviewer: Reviewer) -> None:
    fleet.stub.refuses("GET", KEDA, 403)

    assert (await reviewer.review()).wanted == (LISTING,)


async def test_a_review_that_fails_is_no_review_and_comes_again(fleet: Fleet, reviewer: Reviewer) -> None:
    fleet.stub.refuses("GET", KEDA, 503)
    with pytest.raises(Refused):
        await reviewer.review()
    fleet.installs_keda()

    assert (await reviewer.review()).wanted == (LISTING,)


async def test_what_is_missing_is_asked_again_soon_and_alone_wanted_or_not(
    fleet: Fleet, reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "AGAIN", 0.0)
    await reviewer.review()
    fleet.installs_keda()

    review = await reviewer.review()

    assert review.wanted == (LISTING,)
    assert fleet.stub.count("POST", REVIEW) == len(NEEDED) + 1


async def test_a_right_that_is_granted_is_missing_no_more(
    fleet: Fleet, reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "AGAIN", 0.0)
    await reviewer.review()
    fleet.stub.says("POST", REVIEW, {"status": {"allowed": True}}, 201)

    assert (await reviewer.review()).missing == ()
    assert (await reviewer.review()).missing == ()
    assert fleet.stub.count("POST", REVIEW) == len(NEEDED) + 1


async def test_nothing_is_asked_twice_within_its_time(fleet: Fleet, reviewer: Reviewer) -> None:
    first = await reviewer.review()

    assert await reviewer.review() == first
    assert fleet.stub.count("POST", REVIEW) == len(NEEDED)


async def test_a_doubt_asks_for_all_of_them_again(fleet: Fleet, reviewer: Reviewer) -> None:
    await reviewer.review()
    reviewer.doubt()

    await reviewer.review()

    assert fleet.stub.count("POST", REVIEW) == 2 * len(NEEDED)
