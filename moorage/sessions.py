"""A worker's table of sessions: who has a slot, with which fence, and what the store has not been told yet.

A session takes one slot however often its client reconnects. A higher fence replaces the older socket, an equal or lower
one is refused. Pure: no sockets, no clock, no lock (moorage/io/worker.py holds one, since two threads read it).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import islice

from moorage.ids import SessionId
from moorage.link import Heartbeat, Listed, Outcome, Over

MAX_CHANGES = 2_000  # of each kind in one beat, so that it stays under 1 MiB; the rest goes with the next one
MAX_REASON = 64


class Attach(Enum):
    """What happens to one upgrade."""

    NEW = "new"
    AGAIN = "again"  # the session is here: the socket replaces its older one
    STALE = "stale"  # refused: this fence was seen, or a newer one
    FULL = "full"  # refused: every slot is taken
    DRAINING = "draining"  # refused: nothing new any more

    @property
    def is_refusal(self) -> bool:
        """Whether the upgrade gets no session."""
        return self not in (Attach.NEW, Attach.AGAIN)


@dataclass(slots=True)
class _Seat:
    fence: int
    is_attached: bool


class SessionTable:
    """At most `slots` sessions."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.is_draining = False
        self._seats: dict[SessionId, _Seat] = {}
        self._changes: dict[SessionId, Listed] = {}
        self._ends: dict[SessionId, Over] = {}
        self._seq = 0

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, session: SessionId) -> bool:
        return session in self._seats

    def judge(self, session: SessionId, fence: int) -> Attach:
        """What `attach` would do."""
        seat = self._seats.get(session)
        if seat is not None:
            return Attach.AGAIN if fence > seat.fence else Attach.STALE
        if self.is_draining:
            return Attach.DRAINING
        return Attach.FULL if len(self._seats) >= self.slots else Attach.NEW

    def attach(self, session: SessionId, fence: int) -> Attach:
        """Seats the session, or raises its fence."""
        verdict = self.judge(session, fence)
        if not verdict.is_refusal:
            self._seats[session] = _Seat(fence, is_attached=True)
            self._note(session, fence, is_attached=True)
        return verdict

    def detach(self, session: SessionId, fence: int) -> bool:
        """The socket of this attach is gone, the session stays. False where a newer attach has it."""
        seat = self._seats.get(session)
        if seat is None or seat.fence != fence or not seat.is_attached:
            return False
        seat.is_attached = False
        self._note(session, fence, is_attached=False)
        return True

    def end(self, session: SessionId, outcome: Outcome, reason: str) -> bool:
        """Frees the slot and tells the store. False where the session is not here."""
        seat = self._seats.pop(session, None)
        if seat is None:
            return False
        self._changes.pop(session, None)
        self._ends[session] = Over(session, seat.fence, outcome, reason[:MAX_REASON])
        while (
            len(self._ends) > 10 * MAX_CHANGES
        ):  # hours without a store: the oldest are long suspended and ended there
            del self._ends[next(iter(self._ends))]
        return True

    def forget(self, session: SessionId) -> bool:
        """Frees the slot without an end: the session goes on elsewhere."""
        seat = self._seats.pop(session, None)
        if seat is None:
            return False
        self._note(session, seat.fence, is_attached=False)
        return True

    def fence(self, session: SessionId) -> int | None:
        """Of the newest attach; None where the session is not here."""
        seat = self._seats.get(session)
        return None if seat is None else seat.fence

    def listed(self) -> tuple[Listed, ...]:
        """Every session, for a registration."""
        return tuple(Listed(session, seat.fence, seat.is_attached) for session, seat in self._seats.items())

    def beat(self, load: float, *, is_ready: bool = True) -> Heartbeat:
        """The next heartbeat: all that no beat the store took has said, the oldest first."""
        self._seq += 1
        changes = tuple(islice(self._changes.values(), MAX_CHANGES))
        return Heartbeat(
            seq=self._seq,
            in_use=len(self._seats),
            load=load,
            attached=tuple(each for each in changes if each.is_attached),
            detached=tuple(each for each in changes if not each.is_attached),
            ended=tuple(islice(self._ends.values(), MAX_CHANGES)),
            is_ready=is_ready,
        )

    def acknowledge(self, beat: Heartbeat) -> None:
        """The store took this beat: what it said is said, unless it changed since."""
        for listed in (*beat.attached, *beat.detached):
            if self._changes.get(listed.session) == listed:
                del self._changes[listed.session]
        for over in beat.ended:
            if self._ends.get(over.session) == over:
                del self._ends[over.session]

    def _note(self, session: SessionId, fence: int, *, is_attached: bool) -> None:
        self._changes.pop(session, None)  # to the end of the order
        self._changes[session] = Listed(session, fence, is_attached)
