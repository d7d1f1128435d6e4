"""What is asked of a shard in one turn leaves together, in order, and is answered one by one."""

from __future__ import annotations

import asyncio

from hiredis import ReplyError

from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.io.redis.gathering import MOST, Gathering
from scheduler.io.redis.ground import region_tag
from scheduler.policy import SchedulerPolicy
from scheduler.values import Claimed, Done, End, Ended, Outcome, Usage
from tests.redis_server import RedisServer
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.io.redis.opening import claimed, registered, stores


class Sent:
    """What left, and the futures of its answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, tuple[str | bytes, ...]]] = []
        self.answers: list[asyncio.Future[object]] = []

    def __call__(self, script: str, tag: str, parts: tuple[str | bytes, ...]) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.calls.append((script, tag, parts))
        self.answers.append(answer)
        return answer


async def test_one_alone_is_sent_alone() -> None:
    sent = Sent()

    answer = Gathering(sent).ask("claim", "eu", b"one")
    await asyncio.sleep(0)
    sent.answers[0].set_result(b"said")

    assert sent.calls == [("claim", "eu", (b"one",))]
    assert await answer == b"said"


async def test_several_of_a_turn_are_one_call_and_each_gets_its_own_answer() -> None:
    sent = Sent()
    gathering = Gathering(sent)

    answers = [gathering.ask(name, "eu", name.encode()) for name in ("confirm", "end")]
    await asyncio.sleep(0)
    sent.answers[0].set_result([b"first", b"second"])

    assert sent.calls == [("together_freeing", "eu", ("confirm", b"confirm", "end", b"end"))]
    assert await asyncio.gather(*answers) == [b"first", b"second"]


async def test_shards_and_what_may_run_in_a_full_server_are_kept_apart() -> None:
    sent = Sent()
    gathering = Gathering(sent)

    answers = [gathering.ask("claim", "eu", b""), gathering.ask("claim", "us", b""), gathering.ask("end", "eu", b"")]
    await asyncio.sleep(0)

    assert [call[:2] for call in sent.calls] == [("claim", "eu"), ("claim", "us"), ("end", "eu")]
    for answer in answers:
        answer.cancel()


async def test_so_many_leave_at_once_without_waiting_for_the_turns_end() -> None:
    sent = Sent()
    gathering = Gathering(sent)

    answers = [gathering.ask("claim", "eu", b"") for _ in range(MOST + 1)]

    assert [len(parts) for _, _, parts in sent.calls] == [2 * MOST]
    await asyncio.sleep(0)
    assert [len(parts) for _, _, parts in sent.calls] == [2 * MOST, 1]
    for answer in answers:
        answer.cancel()


async def test_who_gave_up_spoils_nothing_for_the_others() -> None:
    sent = Sent()
    gathering = Gathering(sent)
    gone, stays = gathering.ask("claim", "eu", b""), gathering.ask("claim", "eu", b"")
    await asyncio.sleep(0)

    gone.cancel()
    sent.answers[0].set_result([b"first", b"second"])

    assert await stays == b"second"


async def test_a_call_that_fails_fails_for_all_and_one_error_for_one() -> None:
    sent = Sent()
    gathering = Gathering(sent)

    lost = [gathering.ask("claim", "eu", b"") for _ in range(2)]
    await asyncio.sleep(0)
    sent.answers[0].set_exception(StoreFailed(Failure(Kind.LOST, "it broke")))
    bad, good = gathering.ask("end", "eu", b""), gathering.ask("end", "eu", b"")
    await asyncio.sleep(0)
    sent.answers[1].set_result([ReplyError("ERR of a script"), b"said"])

    found = await asyncio.gather(*lost, bad, good, return_exceptions=True)
    assert [one.kind for one in found[:3] if isinstance(one, StoreFailed)] == [Kind.LOST, Kind.LOST, Kind.ERROR]
    assert found[3] == b"said"


async def test_an_operation_that_breaks_the_script_breaks_no_other(server: RedisServer) -> None:
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "ws://near")
        await registered(store, a_worker())
        good = [a_request(now=store.now()) for _ in range(2)]
        broken = store._ground.in_region("claim", "eu", 7)

        found = await asyncio.gather(store.claim(good[0]), broken, store.claim(good[1]), return_exceptions=True)

        assert [Claimed, StoreFailed, Claimed] == [type(one) for one in found]
        assert (await store.workers())[0].used == 2


async def test_where_what_was_kept_back_cannot_be_written_no_operation_of_the_call_succeeded(
    server: RedisServer,
) -> None:
    """A checkpoint reads what nobody kept back, so that what the confirmations kept back leaves before."""
    async with stores(server, 1) as (store,):
        await store.join(NEAR, "ws://near")
        await registered(store, a_worker())
        held, *others = [await claimed(store, a_request(now=store.now())) for _ in range(3)]
        await store.confirm(held.session, held.fence)
        await store._ground.command(region_tag("eu"), "SET", ":due", "of another type")

        found = await asyncio.gather(
            *(store.confirm(one.session, one.fence) for one in others),
            store.checkpoint(held.session, held.fence, Usage(1, 2, 3, 4)),
            return_exceptions=True,
        )

        assert [StoreFailed] * 3 == [type(one) for one in found]


async def test_in_a_full_server_ends_of_a_turn_run_and_its_claims_are_refused(server: RedisServer) -> None:
    async with stores(server, 1, SchedulerPolicy()) as (store,):
        await store.join(NEAR, "ws://near")
        await registered(store, a_worker())
        held = [await claimed(store, a_request(now=store.now())) for _ in range(3)]
        server.configure("maxmemory", "1")

        ends = [End(one.session, Outcome.COMPLETED, None, "TEST", "client", one.fence) for one in held[:2]]
        found = await asyncio.gather(
            *(store.claim(a_request(now=store.now())) for _ in range(2)),
            store.confirm(held[2].session, held[2].fence),
            *(store.end(end) for end in ends),
            return_exceptions=True,
        )

        assert [one.kind for one in found if isinstance(one, StoreFailed)] == [Kind.OOM, Kind.OOM]
        assert found[2] == Done()
        assert all(isinstance(one, Ended) for one in found[3:])


async def test_what_is_asked_later_leaves_later(server: RedisServer) -> None:
    """A waiter that leaves in the turn it came must not be asked for before it came."""
    async with stores(server, 1) as (store,):
        ground = store._ground
        await store.join(NEAR, "ws://near")
        await registered(store, a_worker())
        request = a_request(now=store.now())

        came = asyncio.create_task(store.claim(request))
        await asyncio.sleep(0)
        left = asyncio.create_task(store.leave_queue(request.request, request.session))
        await asyncio.gather(came, left)

        assert await ground.command(region_tag("eu"), "ZCARD", ":due") == 0
