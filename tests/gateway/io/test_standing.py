"""A gateway in step with its store, and its way back into step: in which order, and what waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.io import standing
from gateway.io.standing import Lease, Standing
from gateway.relay import Cause, Ending, Side, Traffic
from moorage.errors import Code
from moorage.ids import GatewayId
from scheduler.store import Unavailable
from scheduler.values import Adopted, CloseSession, Held, Notice, Stale
from tests.builders import a_gateway_id, a_session
from tests.flows.system import until
from tests.gateway.io.quay import Quay

Said = list[Notice | Exception]


class Telling:
    """A store that writes down what it is asked, fails as told, and says its notices, one watch after the other."""

    def __init__(self, *watches: Said) -> None:
        self.asked: list[str] = []
        self.held: list[list[Held]] = []
        self.fails: dict[str, list[Exception]] = {}
        self.knows = [False]  # answers to `renew`; the last one stays
        self.adopted = [Adopted([])]
        self._watches = list(watches)

    def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        self.asked.append("watch")
        return self._notices(self._watches.pop(0) if self._watches else [])

    async def _notices(self, said: Said) -> AsyncIterator[Notice]:
        for one in said:
            if isinstance(one, Exception):
                raise one
            yield one
        if not self._watches:
            await asyncio.Event().wait()

    async def renew(self, gateway: GatewayId) -> bool:
        self._ask("renew")
        return self.knows.pop(0) if len(self.knows) > 1 else self.knows[0]

    async def join(self, gateway: GatewayId, node: str) -> None:
        self._ask("join")
        self.knows.append(True)
        self.knows = self.knows[1:]

    async def adopt(self, gateway: GatewayId, held: list[Held]) -> Adopted:
        self._ask("adopt")
        self.held.append(held)
        return self.adopted.pop(0) if len(self.adopted) > 1 else self.adopted[0]

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if self.fails.get(name):
            raise self.fails[name].pop(0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(standing, "_EVERY_SECONDS", 0.01)


async def ignore(notice: Notice) -> None:
    pass


def a_standing(quay: Quay, store: Telling) -> Standing:
    lease = Lease(a_gateway_id(), "ws://here", 30.0)
    made = Standing(lease, store, quay.attachments, quay.reports, quay.metrics)  # type: ignore[arg-type]
    quay.reports.when_away = made.doubt
    return made


async def keep(made: Standing, holds: Callable[[], object], hear: Callable[[Notice], Awaitable[None]] = ignore) -> None:
    task = asyncio.create_task(made.keep(hear))
    try:
        await until(holds)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_watches_adopts_joins_and_then_takes_the_other_steps(quay: Quay) -> None:
    store = Telling()
    made = a_standing(quay, store)

    async def step() -> None:
        store.asked.append("step")

    made.steps.append(step)
    await made.begin()

    assert store.asked == ["watch", "renew", "adopt", "join", "step"]
    assert made.is_in_step
    assert made.has_joined


async def test_a_store_that_is_away_at_the_start_is_waited_for(quay: Quay) -> None:
    store = Telling()
    store.fails["renew"] = [Unavailable("away")] * 3
    made = a_standing(quay, store)

    await made.begin()
    before = made.has_joined
    await keep(made, lambda: made.has_joined)

    assert not before
    assert quay.registry.get_sample_value("moorage_gateway_resyncs_total", {"why": "unavailable"}) == 1
    assert quay.registry.get_sample_value("moorage_gateway_in_step") == 1


async def test_a_store_that_hangs_does_not_hold_up_the_start(quay: Quay, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Telling):
        async def renew(self, gateway: GatewayId) -> bool:
            await asyncio.Event().wait()
            return True

    monkeypatch.setattr(standing, "FIRST_SECONDS", 0.01)
    made = a_standing(quay, Hanging())

    await made.begin()

    assert not made.has_joined


@pytest.mark.parametrize("end", [Unavailable("away"), RuntimeError("a bug"), None])
async def test_a_watch_that_ends_is_watched_again_and_adopted_over(quay: Quay, end: Exception | None) -> None:
    heard: list[Notice] = []
    closing = CloseSession(a_session(), 7, Code.DRAINING)
    store = Telling([end] if end else [], [closing])

    async def hear(notice: Notice) -> None:
        heard.append(notice)

    made = a_standing(quay, store)
    await keep(made, lambda: heard, hear)

    assert heard == [closing]
    assert store.asked[:4] == ["watch", "renew", "adopt", "join"]
    assert [each for each in store.asked[4:] if each != "renew"] == ["watch", "adopt"]


async def test_a_store_that_does_not_know_the_gateway_any_more_is_joined_and_told_all(quay: Quay) -> None:
    attachment, _ = quay.attached(fence=7)
    store = Telling()
    made = a_standing(quay, store)
    await made.begin()

    store.knows = [True, False, False]
    await keep(made, lambda: len(store.held) == 2)

    assert store.held[1] == [attachment.held(30.0)]
    assert store.asked.count("join") == 2
    assert quay.registry.get_sample_value("moorage_gateway_resyncs_total", {"why": "unknown"}) == 1


async def test_what_waits_for_its_worker_is_named_again_until_nothing_does(quay: Quay) -> None:
    quay.attached()
    store = Telling()
    store.adopted = [Adopted([], 1), Adopted([], 1), Adopted([])]
    made = a_standing(quay, store)

    await keep(made, lambda: store.asked.count("renew") > 6)

    assert store.asked.count("adopt") == 3
    assert store.asked.count("watch") == 1


async def test_what_was_given_away_is_let_go(quay: Quay) -> None:
    _, relay = quay.attached(fence=7)
    store = Telling()
    store.adopted = [Adopted([Stale(a_session(), 9)])]

    await a_standing(quay, store).begin()

    assert relay.told[0][0] == (4409, b'{"code":"SESSION_SUPERSEDED"}')


async def test_no_report_goes_out_before_all_is_adopted(quay: Quay) -> None:
    attachment, _ = quay.attached(fence=7)
    store = Telling()
    store.adopted = [Adopted([], 1)]
    made = a_standing(quay, store)
    made.doubt()
    attachment.relay_ended(Ending(Cause.EOF, Side.CLIENT, None, False, True, Traffic()))
    task = asyncio.create_task(made.keep(ignore))

    await until(lambda: len(store.held) > 2)
    pending = quay.registry.get_sample_value("moorage_gateway_reports_pending")
    store.adopted = [Adopted([])]
    await until(lambda: quay.registry.get_sample_value("moorage_gateway_reports_pending") == 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert pending == 1
    assert [held.session for held in store.held[2]] == [a_session()]
    assert quay.attachments.to_adopt() == []


async def test_a_report_that_was_not_taken_puts_the_gateway_out_of_step_once(quay: Quay) -> None:
    store = Telling()
    made = a_standing(quay, store)
    tries: list[int] = []

    async def write() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Unavailable("away")

    await made.begin()
    quay.reports.put(write)
    await keep(made, lambda: len(tries) == 2)

    assert store.asked.count("adopt") == 2


async def test_an_end_told_to_a_store_that_has_just_lost_its_data_is_told_again_once_it_knows_the_session(
    quay: Quay,
) -> None:
    attachment, _ = quay.attached(fence=7)
    store = Telling()
    made = a_standing(quay, store)
    await made.begin()
    store.knows = [False, False]

    attachment.relay_ended(Ending(Cause.CLOSED, Side.CLIENT, 1000, True, True, Traffic()))
    await until(lambda: made._doubted.is_set())  # noqa: PLW0108
    named = quay.attachments.to_adopt()
    await keep(made, lambda: not quay.attachments.to_adopt())

    assert named == [attachment]
    assert [held.session for held in store.held[1]] == [a_session()]


async def test_while_something_waits_the_gateway_is_not_in_step(quay: Quay) -> None:
    store = Telling()
    store.adopted = [Adopted([], 1), Adopted([])]
    made = a_standing(quay, store)

    await made.begin()
    before = made.is_in_step
    await keep(made, lambda: made.is_in_step)

    assert made.has_joined
    assert not before


async def test_a_process_that_did_not_run_for_a_while_adopts_before_it_goes_on(
    quay: Quay, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Telling()
    made = a_standing(quay, store)
    await made.begin()
    monkeypatch.setattr(standing, "SUSPECT_AFTER", -1.0)  # any sleep is a freeze

    await keep(made, lambda: store.asked.count("adopt") == 2)

    assert (quay.registry.get_sample_value("moorage_gateway_resyncs_total", {"why": "frozen"}) or 0) >= 1
