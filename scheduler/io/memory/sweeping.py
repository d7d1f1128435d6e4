"""Lets time pass. Only what may be due is looked at; between portions other work of the loop gets its turn."""

from __future__ import annotations

import asyncio

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.claims import LAST_WORD_SECONDS
from scheduler.io.memory.adopting import end_windows
from scheduler.io.memory.contests import give_up_waiting
from scheduler.io.memory.duties import refuse_stranded, remove, settle
from scheduler.io.memory.endings import PORTION, ask_to_end, dismiss, finish
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.gateways import lapse_silent
from scheduler.io.memory.leases import doubt_silent, is_given_up, lose, watch_lease
from scheduler.io.memory.records import Session
from scheduler.io.memory.slots import give_up, offer_again
from scheduler.queue import Waiter
from scheduler.values import ClaimState, End, Outcome, Refused
from scheduler.workers import Health


async def sweep(fleet: Fleet, now: float) -> None:
    """Leases, reservations, suspensions, ends of life, waits, tombstones."""
    _forgive_own_sleep(fleet, now)
    _workers(fleet, now)
    lapse_silent(fleet, now)
    if fleet.adopting:
        end_windows(fleet, now)
    give_up_waiting(fleet, now)
    due = sorted(fleet.alarms.ring(now), key=_due)
    for start in range(0, len(due), PORTION):
        if start:
            await asyncio.sleep(0)
        for session in due[start : start + PORTION]:
            _session(fleet, session, now)
    _waiters(fleet, now)
    if fleet.coming.let_pass(now):
        refuse_stranded(fleet, now)
    fleet.tombstones.lapse(now)
    if not fleet.revocations.is_empty:
        fleet.revocations.lapse(now)


def _forgive_own_sleep(fleet: Fleet, now: float) -> None:
    """Time in which this process did not run (a stopped loop, a sleeping laptop) counts as nobody's silence."""
    last, fleet.swept_at = fleet.swept_at, now
    if last is None or now - last <= fleet.policy.suspect_after:
        return
    slept = now - last
    for worker in fleet.workers.values():
        if worker.health is not Health.LOST:
            worker.beat_at = min(now, worker.beat_at + slept)
    for gateway in fleet.gateways.values():
        gateway.renewed_at = min(now, gateway.renewed_at + slept)


def _workers(fleet: Fleet, now: float) -> None:
    rung = fleet.leases.ring(now)
    for worker in rung:
        doubt_silent(fleet, worker, now)
    for worker in [worker for worker in rung if is_given_up(fleet, worker, now)]:  # all judged before the first is lost
        lose(fleet, worker, now)
        settle(fleet, worker, now)
    for worker in rung:
        if worker.health is not Health.LOST:
            watch_lease(fleet, worker, now)
        elif now - worker.beat_at < fleet.policy.forget_worker_seconds:
            fleet.leases.set(worker, worker.beat_at + fleet.policy.forget_worker_seconds, now)
        else:
            remove(fleet, worker.id, now)


def _due(session: Session) -> tuple[float, SessionId]:
    """Whose time was over first makes room first, whatever else this sweep finds."""
    is_held = session.state is ClaimState.HELD
    due = max(session.expires_at, session.asked_until) if is_held else min(session.due, session.expires_at)
    return due, session.id


def _session(fleet: Fleet, session: Session, now: float) -> None:
    if fleet.sessions.get(session.id) is not session:
        return  # ended between two portions
    if session.expires_at <= now:
        _expire(fleet, session, now)
        return
    if session.state is ClaimState.RESERVED and session.due <= now:
        give_up(fleet, session, now)
        return
    if session.state is ClaimState.SUSPENDED and session.due <= now:
        waiter = fleet.queue.of_session(session.id)
        if waiter is None:
            finish(fleet, session, _not_returned(session), now)
            return
        session.due = waiter.deadline  # its client is here, in the queue
    due = session.expires_at if session.state is ClaimState.HELD else min(session.due, session.expires_at)
    fleet.alarms.set(session, due, now)


def _expire(fleet: Fleet, session: Session, now: float) -> None:
    """Its gateway has the first word, with all that it metered; a second later it ends without."""
    wish = End(session.id, Outcome.EXPIRED, Code.SESSION_EXPIRED, "TIME_TO_LIVE", "scheduler")
    last_word = session.expires_at + LAST_WORD_SECONDS
    was_asked = session.state is ClaimState.HELD and session.asked_until == last_word
    if last_word > now and (was_asked or ask_to_end(fleet, wish)):
        session.asked_until = last_word  # the alarm may ring early: it is asked once
        fleet.alarms.set(session, last_word, now)
        return
    finish(fleet, session, wish, now)


def _not_returned(session: Session) -> End:
    if session.was_lost:
        return End(session.id, Outcome.FAILED, Code.WORKER_LOST, "WORKER_LOST", "scheduler")
    return End(session.id, Outcome.COMPLETED, None, "CLIENT_GONE", "scheduler")


def _waiters(fleet: Fleet, now: float) -> None:
    again: list[Waiter] = []
    for waiter in fleet.queue_alarms.ring(now):
        request = waiter.request
        if request.expires_at <= now:
            dismiss(fleet, waiter, Refused(Code.SESSION_EXPIRED, "the session's time to live is over"), now)
        elif waiter.deadline <= now:
            retry = fleet.policy.full_retry_seconds
            waited = f"waited {request.wait_seconds:g} s for a slot"
            dismiss(fleet, waiter, Refused(Code.ADMISSION_TIMEOUT, waited, retry), now)
        elif waiter.again_at <= now:
            again.append(waiter)
        else:
            fleet.queue_alarms.set(waiter, waiter.due, now)
    for waiter in sorted(again, key=lambda one: (one.again_at, one.request.session)):
        offer_again(fleet, waiter, now)
