"""What a gateway relays: told to the store at its end, let go when the store gave it away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from gateway.io.attachment import Attachment
from gateway.io.draining import drain
from gateway.relay import Cause, Ending, Farewell, Side, Traffic
from moorage.errors import Code
from scheduler.values import Stale, Usage
from tests.builders import a_session
from tests.gateway.io.quay import DeafRelay, Quay, Told, a_quay


@pytest.fixture
async def quay() -> AsyncIterator[Quay]:
    async with a_quay() as quay:
        yield quay


def an_ending(cause: Cause, by: Side | None = None, code: int | None = None) -> Ending:
    return Ending(cause, by, code, close_seen=code is not None, client_at_boundary=True, traffic=Traffic(1, 2, 3, 4))


def code_of(relay: DeafRelay) -> tuple[int, str, int]:
    ((client, worker),) = relay.told
    assert client is not None
    assert worker is not None
    return client[0], json.loads(client[1])["code"], worker[0]


async def test_an_attachment_is_found_by_its_session_and_fence(quay: Quay) -> None:
    attachment, _ = quay.attached(fence=7)

    assert quay.attachments.find(a_session(), 7) is attachment
    assert quay.attachments.find(a_session(), 8) is attachment
    assert quay.attachments.find(a_session(), 6) is None
    assert quay.attachments.find(a_session(1), 7) is None
    assert quay.attachments.of_worker(attachment.worker) == [attachment]
    assert list(quay.attachments) == [attachment]


async def test_a_newer_attach_of_a_session_closes_the_older_one(quay: Quay) -> None:
    older, relay = quay.attached(fence=7)
    newer, _ = quay.attached(fence=8)

    assert code_of(relay) == (4409, "SESSION_SUPERSEDED", 4409)
    assert quay.attachments.open == 2
    older.relay_ended(an_ending(Cause.ORDERED))
    older.relay_closed(Traffic())
    assert list(quay.attachments) == [newer]
    assert quay.attachments.open == 1


@pytest.mark.parametrize(
    ("code", "number", "to_worker"),
    [
        (Code.SESSION_ENDED, 4410, 4410),
        (Code.SESSION_EXPIRED, 4419, 4419),
        (Code.SESSION_SUPERSEDED, 4409, 4409),
        (Code.DRAINING, 1012, 1012),
        (Code.WORKER_LOST, 4502, 1001),
    ],
)
async def test_the_client_hears_the_code_and_the_worker_something_it_understands(
    quay: Quay, code: Code, number: int, to_worker: int
) -> None:
    attachment, relay = quay.attached()
    quay.attachments.close(attachment, code)
    quay.attachments.close(attachment, Code.INTERNAL)

    assert code_of(relay) == (number, code.value, to_worker)


@pytest.mark.parametrize(("fence", "number"), [(None, 4410), (8, 4409), (7, 4502)])
async def test_what_the_store_gave_away_is_let_go(quay: Quay, fence: int | None, number: int) -> None:
    attachment, relay = quay.attached(fence=7)

    quay.attachments.let_go(attachment, Stale(a_session(), fence))

    assert code_of(relay)[0] == number


async def test_what_ended_is_adopted_too_until_the_store_has_heard_of_it(quay: Quay) -> None:
    attachment, relay = quay.attached(0)
    live, _ = quay.attached(1)
    quay.reports.hold()

    attachment.relay_ended(an_ending(Cause.CLOSED, Side.CLIENT, 1000))
    before = quay.attachments.to_adopt()
    quay.attachments.let_go(attachment, Stale(a_session(), None))
    await quay.reports.flush(1)

    assert before == [attachment, live]
    assert relay.told == []
    assert quay.attachments.to_adopt() == [live]


async def test_what_ended_untold_is_adopted_with_what_it_carried(quay: Quay) -> None:
    """Its worker's word of the end may reach a store that lost its data before the gateway's."""
    attachment, _ = quay.attached()
    quay.reports.hold()

    attachment.relay_ended(an_ending(Cause.CLOSED, Side.CLIENT, 1000))
    attachment.relay_closed(Traffic())

    assert attachment.held(30.0).usage == Usage(1, 2, 3, 4)


async def test_a_newer_attach_is_adopted_in_place_of_one_that_ended_untold(quay: Quay) -> None:
    older, _ = quay.attached(fence=7)
    quay.reports.hold()
    older.relay_ended(an_ending(Cause.EOF, Side.CLIENT))
    newer, _ = quay.attached(fence=8)

    assert quay.attachments.to_adopt() == [newer]


async def test_a_relay_that_ended_is_no_longer_asked(quay: Quay) -> None:
    attachment, relay = quay.attached()

    farewell = attachment.relay_ended(an_ending(Cause.CLOSED, Side.CLIENT, 1000))
    attachment.relay_closed(Traffic())
    quay.attachments.close(attachment, Code.DRAINING)

    assert farewell == Farewell()
    assert relay.told == []
    assert len(quay.attachments) == quay.attachments.open == 0


async def test_totals_hold_what_ended_and_what_is_live(quay: Quay) -> None:
    ended, _ = quay.attached(0)
    _, live = quay.attached(1)
    live.carried = Traffic(10, 20, 30, 40)
    ended.relay_ended(an_ending(Cause.EOF, Side.WORKER))

    totals = quay.attachments.totals()

    assert (totals.bytes_in, totals.bytes_out, totals.messages_in, totals.messages_out) == (11, 22, 33, 44)


@dataclass
class ObedientRelay(DeafRelay):
    """A relay that ends as soon as it is told to, and then lets something else happen."""

    attachment: Attachment | None = None
    then: Callable[[], None] = lambda: None

    def close(self, client: Told, worker: Told) -> None:
        super().close(client, worker)
        assert self.attachment is not None
        self.then()
        self.attachment.relay_ended(an_ending(Cause.ORDERED))
        self.attachment.relay_closed(Traffic())


async def test_a_drain_also_moves_who_came_while_it_ran(quay: Quay) -> None:
    first, _ = quay.attached(0)
    latecomer = ObedientRelay()

    def let_in() -> None:
        latecomer.attachment, _ = quay.attached(1)
        latecomer.attachment.relay = latecomer

    first.relay = early = ObedientRelay(attachment=first, then=let_in)

    await drain(quay.attachments, 0.0, quay.metrics)

    assert code_of(early)[0] == code_of(latecomer)[0] == 1012
    assert quay.attachments.open == 0


async def test_every_attach_that_ends_leaves_one_line_in_the_log(quay: Quay) -> None:
    attachment, _ = quay.attached(fence=7)

    with capture_logs() as logged:
        attachment.relay_ended(an_ending(Cause.CLOSED, Side.CLIENT, 1001))

    (line,) = [line for line in logged if line["event"] == "attach_ended"]
    assert (attachment.session, attachment.worker, 7) == (line["session"], line["worker"], line["fence"])
    assert (line["cause"], line["by"], line["close_code"], line["order"]) == ("closed", "client", 1001, None)
    assert (
        line["bytes_from_client"],
        line["bytes_from_worker"],
        line["messages_from_client"],
        line["messages_from_worker"],
    ) == (1, 2, 3, 4)
