"""A process that dies while it carries a session to another region: whatever it left, there is one live copy and one end."""

from __future__ import annotations

import pytest

from scheduler.values import (
    Claimed,
    ClaimState,
    Concurrency,
    End,
    Ended,
    Outcome,
    Refused,
    Revocation,
    SessionView,
    Stale,
    Usage,
    Wanted,
)
from tests.scheduler.builders import START, a_request, a_worker
from tests.scheduler.io.redis.crossings import EU_US, Place, ground_of, place

__all__ = ["place"]


STEPS = ("welcome", "pack_up", "arrive", "moved")


def remembers(place: Place) -> None:
    """The other process saw the session in eu."""
    ground_of(place.other).remember(place.session, "eu")


@pytest.mark.parametrize("last", STEPS)
async def test_the_sweep_leaves_one_copy_and_nothing_else(place: Place, last: str) -> None:
    await place.crash_after(last)

    await place.other.sweep()
    await place.world.advance(11)

    where = "eu" if last == "welcome" else "us"
    assert await place.copies() == [where]
    assert await place.named() == where
    assert await place.left_over() == []
    assert await place.used() == ((1, 0) if where == "eu" else (0, 1))
    view = await place.other.session(place.session)
    assert isinstance(view, SessionView)
    assert (view.region, view.state) == (where, ClaimState.SUSPENDED)
    assert await place.ends() == []


@pytest.mark.parametrize("last", STEPS)
async def test_an_outage_longer_than_a_reservation_changes_nothing(place: Place, last: str) -> None:
    await place.crash_after(last)

    place.world.clock.seconds += 60
    for region in ("us", "eu"):  # the slot lapses before the parcel is seen
        await ground_of(place.other).in_region("sweep", region, [False])
    await place.other.sweep()
    place.world.clock.seconds += 0.3
    await place.other.sweep()

    assert await place.copies() == ["eu" if last == "welcome" else "us"]
    assert await place.left_over() == []
    record = await place.world.end(place.session)
    assert record.session == place.session
    assert len(await place.ends()) == 1
    assert await place.used() == (0, 0)


@pytest.mark.parametrize("last", STEPS)
async def test_where_the_room_is_gone_meanwhile_it_waits_for_its_client_without_a_slot(place: Place, last: str) -> None:
    await place.crash_after(last)
    place.world.clock.seconds += 11
    await ground_of(place.other).in_region("sweep", "us", [False])
    taken = await place.other.claim(a_request(wanted=Wanted(regions=("us",)), now=place.world.now))

    await place.other.sweep()

    assert isinstance(taken, Claimed) is (last in ("welcome", "pack_up"))
    assert len(await place.copies()) == 1
    assert await place.left_over() == []
    assert (await place.world.view(place.us)).used == 1
    if isinstance(taken, Claimed):
        await place.world.end(taken.session)
        back = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))
        assert isinstance(back, Claimed)
        assert (back.worker, back.is_resumed) == (place.us, True)
        assert await place.used() == (0, 1)


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("has_seen_it", [True, False])
async def test_an_end_before_the_sweep_is_the_only_one(place: Place, last: str, has_seen_it: bool) -> None:
    await place.crash_after(last)
    if has_seen_it:
        remembers(place)

    first = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))
    second = await place.other.end(End(place.session, Outcome.FAILED, None, "LATER", "api"))
    await place.other.sweep()
    await place.world.advance(400)

    assert isinstance(first, Ended)
    assert first.is_first
    assert second == Ended(first.record, False)
    assert first.record.held_seconds > 0
    assert await place.copies() == []
    assert await place.left_over() == []
    assert await place.used() == (0, 0)
    assert len(await place.ends()) == 1
    assert isinstance(await place.other.claim(place.request), Refused)


@pytest.mark.parametrize("last", STEPS)
@pytest.mark.parametrize("has_seen_it", [True, False])
async def test_its_client_comes_again_before_the_sweep(place: Place, last: str, has_seen_it: bool) -> None:
    await place.crash_after(last)
    if has_seen_it:
        remembers(place)

    same = await place.other.claim(place.request)
    later = await place.other.claim(a_request(place.session, wanted=EU_US, now=place.world.now))

    assert isinstance(same, Claimed)
    assert isinstance(later, Claimed)
    assert same.worker == later.worker == place.us
    assert later.fence > same.fence > place.held.fence
    await place.other.confirm(later.session, later.fence)
    await place.other.sweep()
    assert await place.copies() == ["us"]
    assert await place.named() == "us"
    assert await place.left_over() == []
    assert await place.used() == (0, 1)


@pytest.mark.parametrize("last", STEPS)
async def test_what_its_last_attach_carried_is_counted(place: Place, last: str) -> None:
    await place.crash_after(last)
    remembers(place)
    carried = Usage(1, 2, 3, 4)

    late = await place.other.suspend(place.session, place.held.fence, carried, is_worker_lost=True)
    await place.other.sweep()
    answer = await place.other.end(End(place.session, Outcome.COMPLETED, None, "API", "api"))

    assert isinstance(late, Stale) is (last != "welcome")
    assert isinstance(answer, Ended)
    assert answer.record.usage == carried
    assert not answer.record.is_estimated


@pytest.mark.parametrize("last", STEPS)
async def test_a_revocation_finds_it(place: Place, last: str) -> None:
    await place.crash_after(last)

    ended = await place.other.revoke(Revocation("user", "usr_one", START + 3600, place.world.now + 1, "R"))

    assert ended == 1
    await place.other.sweep()
    await place.world.advance(11)
    assert len(await place.ends()) == 1
    assert await place.copies() == []
    assert await place.used() == (0, 0)


@pytest.mark.parametrize("last", STEPS)
async def test_limits_count_it_once(place: Place, last: str) -> None:
    await place.crash_after(last)
    await place.other.sweep()
    wanted, limits = Wanted(regions=("asia",)), Concurrency(per_user=1)
    await place.world.worker(a_worker(region="asia"))

    before = await place.other.claim(a_request(wanted=wanted, limits=limits, now=place.world.now))
    await place.world.end(place.session)
    after = await place.other.claim(a_request(wanted=wanted, limits=limits, now=place.world.now))

    assert isinstance(before, Refused)
    assert isinstance(after, Claimed)
