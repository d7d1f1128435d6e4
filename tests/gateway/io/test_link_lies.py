"""Workers that say what cannot be, or say it twice: nothing comes of it, it is counted, and the link ends where it must."""

from __future__ import annotations

from moorage.link import Ack, Directive, Heartbeat, Listed, Order, Register, Registered
from scheduler import values
from tests.gateway.io.workers_end import REGISTER, a_link, hear, say, welcomed
from tests.moorage.io.harbour import Harbour, closed, eventually, session_id

LIES = "moorage_gateway_link_lies_total"
REPLAYS = "moorage_gateway_link_replays_total"


async def test_a_session_that_was_never_given_is_taken_from_it_and_counted(harbour: Harbour) -> None:
    lie = Listed(session_id("a"), 5, is_attached=True)
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await say(link, Heartbeat(1, 1, attached=(lie,)))
        heard = [await hear(link), await hear(link)]
        view = await harbour.store.worker(worker)

    assert Directive(Order.END_SESSION, lie.session, 5, None, "NOT_YOURS") in heard
    assert view is not None
    assert view.used == 0
    assert harbour.count(LIES, what="session") == 1


async def test_a_list_of_sessions_under_a_name_of_ones_own_making_takes_none_from_others(harbour: Harbour) -> None:
    lies = tuple(Listed(session_id(letter), 5, is_attached=True) for letter in "abc")
    liar = Register("w", "eu", "gpu", "127.0.0.1:7500", 4, sessions=lies)
    async with a_link(harbour.gateways[0], liar) as link:
        worker = (await welcomed(link)).worker_id
        await say(link, Heartbeat(1, 3))
        view = await harbour.store.worker(worker)

        assert view is not None
        assert view.used == 0
        await eventually(lambda: harbour.count(LIES, what="session") == 3)


async def test_more_sessions_than_slots_and_a_load_over_one_change_nothing_and_are_counted(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await say(link, Heartbeat(1, 99, load=7.0))
        answer = await hear(link)
        view = await harbour.store.worker(worker)

    assert answer == Ack(1)
    assert view is not None
    assert (view.used, view.slots) == (0, 4)
    assert (harbour.count(LIES, what="in_use"), harbour.count(LIES, what="load")) == (1, 1)


async def test_two_workers_of_one_name_are_two_workers_and_somebody_is_told(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as one, a_link(harbour.gateways[0]) as two:
        ids = {(await welcomed(one)).worker_id, (await welcomed(two)).worker_id}

        assert len(ids) == 2
        assert harbour.count(LIES, what="name") == 1


async def test_a_name_is_free_again_when_its_worker_is_gone(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as one:
        await welcomed(one)
    await eventually(lambda: harbour.count("moorage_gateway_links") == 0)
    async with a_link(harbour.gateways[0]) as two:
        await welcomed(two)

    assert harbour.count(LIES, what="name") == 0


async def test_a_replayed_registration_makes_no_second_worker(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        await welcomed(link)
        await say(link, REGISTER)

        assert await closed(link) == (4400, '{"code":"CONFLICT"}')
    assert len(await harbour.store.workers()) == 1
    assert harbour.count(REPLAYS, type="register") == 1
    assert harbour.count("moorage_gateway_link_closes_total", code="CONFLICT") == 1


async def test_a_registration_with_its_own_key_may_be_said_again(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        place = await welcomed(link)
        await say(
            link, Register("w", "eu", "gpu", "127.0.0.1:7500", 4, again=place.worker_id, claim_key=place.claim_key)
        )
        again = await hear(link)

    assert isinstance(again, Registered)
    assert again.worker_id == place.worker_id


async def test_a_heartbeat_said_again_is_answered_again_and_an_older_one_ends_the_link(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        worker = (await welcomed(link)).worker_id
        await say(link, Heartbeat(5, 0))
        first = await hear(link)
        await say(link, Heartbeat(5, 0))
        again = await hear(link)
        await say(link, Heartbeat(4, 0))
        end = await closed(link)

    assert (first, again) == (Ack(5), Ack(5))
    assert end == (4400, '{"code":"BAD_REQUEST"}')
    assert harbour.count(REPLAYS, type="heartbeat") == 2
    assert await harbour.store.worker(worker) is not None


async def test_a_link_is_told_the_lease_in_force(harbour: Harbour) -> None:
    async with a_link(harbour.gateways[0]) as link:
        assert (await welcomed(link)).lease_seconds == 5.0
    answer = await harbour.store.register(values.Registration("w", "eu", "gpu", "127.0.0.1:1", 1))
    assert isinstance(answer, values.Registered)
    assert answer.lease_seconds == 5.0
