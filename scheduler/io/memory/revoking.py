"""Revocations: remembered and told in one step, then what is live under them ends, a portion at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.io.memory.endings import OVER, PORTION, dismiss, finish
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.records import Session
from scheduler.values import ClaimRequest, End, Outcome, Revocation, Revoked

_WHOSE: dict[str, Callable[[Session | ClaimRequest], str]] = {
    kind: attrgetter(kind) for kind in ("user", "key", "workspace")
}


def remember(fleet: Fleet, revocation: Revocation) -> None:
    """From now on claims under it are refused, and gateways close what they hold of it. Raises ValueError: unknown kind."""
    fleet.revocations.add(revocation)
    fleet.mail.put_all(Revoked(revocation))


async def revoke(fleet: Fleet, revocation: Revocation, clock: Callable[[], float]) -> int:
    """Ends what is live under it. Other work gets its turn between portions: what it claims meanwhile is refused."""
    remember(fleet, revocation)
    _dismiss_waiters(fleet, revocation, clock())
    hit = _live(fleet, revocation)
    reason = revocation.reason or "REVOKED"
    ended = 0
    for start in range(0, len(hit), PORTION):
        if start:
            await asyncio.sleep(0)
        now = clock()
        for session in hit[start : start + PORTION]:
            if fleet.sessions.get(session.id) is session:  # else its gateway ended it between two portions
                finish(fleet, session, End(session.id, Outcome.COMPLETED, Code.SESSION_ENDED, reason, "api"), now)
                ended += 1
    return ended


def _dismiss_waiters(fleet: Fleet, revocation: Revocation, now: float) -> None:
    if revocation.kind == "session":
        waiter = fleet.queue.of_session(SessionId(revocation.id))
        waiters = [] if waiter is None else [waiter]
    else:
        whose = _WHOSE[revocation.kind]
        waiters = [waiter for waiter in fleet.queue if whose(waiter.request) == revocation.id]
    for waiter in waiters:
        dismiss(fleet, waiter, OVER, now)


def _live(fleet: Fleet, revocation: Revocation) -> list[Session]:
    if revocation.kind == "session":
        session = fleet.sessions.get(SessionId(revocation.id))
        return [] if session is None else [session]
    whose = _WHOSE[revocation.kind]
    return [session for session in fleet.sessions.values() if whose(session) == revocation.id]
