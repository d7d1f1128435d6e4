"""Revocations close what is relayed under them, once, with its usage; what was missed is closed after an outage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.io import revoking
from gateway.io.attachment import Attachment
from gateway.io.revoking import catch_up, close_revoked
from gateway.relay import Cause, Ending, Traffic
from moorage.ids import KeyId, UserId
from scheduler.values import EndRecord, Outcome, Revocation
from tests.builders import NOW, a_claimed, a_session, a_token, an_id
from tests.gateway.io.quay import DeafRelay, Quay

ENDED = b'{"code":"SESSION_ENDED"}'


def a_revocation(kind: str, named: str, **said: Any) -> Revocation:
    return replace(Revocation(kind, named, NOW + 3600, NOW + 1, "STOLEN"), **said)


def attached(quay: Quay, number: int, **said: Any) -> DeafRelay:
    """Session `number`; `said`: claims of its token."""
    relay = DeafRelay()
    attachment = Attachment(quay.attachments, a_claimed(number), a_token(number, **said))
    attachment.relay = relay
    quay.attachments.add(attachment)
    return relay


@pytest.mark.parametrize(
    ("kind", "named"),
    [("session", a_session(1)), ("user", an_id("usr", 1)), ("key", an_id("key", 9)), ("workspace", an_id("wsp", 9))],
)
async def test_each_kind_closes_its_own_and_nobody_elses(quay: Quay, kind: str, named: str) -> None:
    other = attached(quay, 0)
    claims = {"key": KeyId(an_id("key", 9)), "workspace": an_id("wsp", 9)}
    hit = attached(quay, 1, **claims)

    await close_revoked(quay.attachments, a_revocation(kind, named), NOW)
    await close_revoked(quay.attachments, a_revocation(kind, named), NOW)

    assert [told[0] for told in hit.told] == [(4410, ENDED)]
    assert other.told == []


async def test_a_younger_token_is_spared_and_so_is_everybody_when_it_is_over(quay: Quay) -> None:
    user = UserId(an_id("usr"))
    young = attached(quay, 0, now=NOW + 2)
    old = attached(quay, 1, user=user)

    await close_revoked(quay.attachments, a_revocation("user", user, until=NOW), NOW)
    assert old.told == []
    await close_revoked(quay.attachments, a_revocation("user", user), NOW)

    assert young.told == []
    assert old.told


async def test_its_session_ends_with_what_it_carried(quay: Quay) -> None:
    relay = attached(quay, 0)
    await close_revoked(quay.attachments, a_revocation("session", a_session()), NOW)
    [attachment] = quay.attachments

    attachment.relay_ended(Ending(Cause.ORDERED, None, None, False, True, Traffic(3, 4, 1, 2)))

    assert relay.told
    wish = attachment.wish
    assert wish is not None
    assert (wish.outcome, wish.reason, wish.by, wish.fence) == (Outcome.COMPLETED, "STOLEN", "api", 7)
    assert not isinstance(await quay.store.session(a_session()), EndRecord)  # its report is refused as stale: no claim


async def test_one_that_was_revoked_while_its_worker_was_dialled_is_closed_at_once(quay: Quay) -> None:
    now = quay.store.now()
    await close_revoked(quay.attachments, a_revocation("user", an_id("usr")), now)

    relay = attached(quay, 0)

    assert [told[0] for told in relay.told] == [(4410, ENDED)]


async def test_what_was_missed_during_an_outage_is_closed_after_it(quay: Quay) -> None:
    now = quay.store.now()
    missed, other = attached(quay, 0), attached(quay, 1)
    await quay.store.seed({}, [a_revocation("user", an_id("usr"))])

    await catch_up(quay.store, quay.attachments)

    assert [told[0] for told in missed.told] == [(4410, ENDED)]
    assert other.told == []
    assert quay.attachments.revocations.refuses(a_token(0), now)


async def test_thousands_are_closed_in_portions(quay: Quay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoking, "PORTION", 10)
    key = KeyId(an_id("key", 9))
    relays = [attached(quay, number, key=key) for number in range(100)]
    seen: list[int] = []

    async def watch() -> None:
        while not all(relay.told for relay in relays):
            seen.append(sum(bool(relay.told) for relay in relays))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        tasks.create_task(close_revoked(quay.attachments, a_revocation("key", key), NOW))

    assert {10, 50, 90} <= set(seen)
