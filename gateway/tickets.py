"""Which worker may come for which attach: one-time tickets, what becomes of them, and who shows bad ones too often.

A ticket is 192 bits of chance, kept as its SHA-256 and found by that: how long a look-up takes says nothing of the ticket.
It is good once, for one attach at one worker, until its deadline. Pure: time and chance are arguments; the sockets are
gateway/io/arrivals.py's.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from gateway.buckets import Buckets
from moorage.dialout import Attach
from moorage.ids import Draw

TICKET_BYTES = 24
MOST_TICKETS = 20_000  # waiting and past ones; more attaches than that are never under way at once
KEPT_SECONDS = 10.0  # past its deadline, so that who comes late, or twice, hears so
STRIKES_PER_SECOND = 10.0  # of one address that shows what was never issued
STRIKES_BURST = 100


class Verdict(Enum):
    """What a shown ticket is worth. The values label a metric."""

    ACCEPTED = "accepted"
    SPENT = "spent"  # shown before
    LATE = "late"  # the deadline passed, or the attach went on without it
    MISPLACED = "misplaced"  # a ticket of another worker, session or fence: from now on it is spent
    WRONG = "wrong"  # never issued, shown for an attach that waits
    UNKNOWN = "unknown"  # never issued, or long forgotten


class Shown(NamedTuple):
    """The verdict, and the waiting attach that it decides: with ACCEPTED it goes on, else it has failed; None: nobody's."""

    verdict: Verdict
    attach: Attach | None


class TooManyTickets(Exception):
    """MOST_TICKETS attaches wait for their workers."""


@dataclass(slots=True)
class _Ticket:
    attach: Attach
    deadline: float
    past: Verdict | None = None  # None: waiting


class Tickets:
    """Of one gateway. `now` is always the same monotonic clock's."""

    def __init__(self, draw: Draw, most: int = MOST_TICKETS) -> None:
        self._draw = draw
        self._most = most
        self._tickets: dict[bytes, _Ticket] = {}  # by digest, oldest first
        self._waiting: dict[Attach, _Ticket] = {}

    def __len__(self) -> int:
        """Those that wait for their workers."""
        return len(self._waiting)

    def issue(self, attach: Attach, now: float, seconds: float) -> str:
        """A fresh ticket; an earlier one of the same attach is past. Raises TooManyTickets."""
        self._forget(now)
        self.withdraw(attach)
        text = urlsafe_b64encode(self._draw(TICKET_BYTES)).decode()
        ticket = _Ticket(attach, now + seconds)
        self._tickets[_digest(text)] = self._waiting[attach] = ticket
        return text

    def withdraw(self, attach: Attach) -> None:
        """The attach goes on without it, or is over: who comes now is late."""
        ticket = self._waiting.pop(attach, None)
        if ticket is not None:
            ticket.past = Verdict.LATE

    def show(self, attach: Attach, text: str, now: float) -> Shown:
        """Judges, and spends."""
        ticket = self._tickets.get(_digest(text))
        if ticket is None:
            waits = self._settle(attach, Verdict.LATE)
            return Shown(Verdict.WRONG, attach) if waits else Shown(Verdict.UNKNOWN, None)
        if ticket.past is not None:
            return Shown(ticket.past, None)
        self._settle(ticket.attach, Verdict.SPENT)
        if ticket.attach != attach:
            return Shown(Verdict.MISPLACED, ticket.attach)
        if now >= ticket.deadline:
            ticket.past = Verdict.LATE
            return Shown(Verdict.LATE, attach)
        return Shown(Verdict.ACCEPTED, attach)

    def _settle(self, attach: Attach, past: Verdict) -> bool:
        """Whether it waited; now it does no more."""
        ticket = self._waiting.pop(attach, None)
        if ticket is None:
            return False
        ticket.past = past
        return True

    def _forget(self, now: float) -> None:
        """What is long past, and beyond the bound what is past at all."""
        while self._tickets:
            digest, oldest = next(iter(self._tickets.items()))
            is_full = len(self._tickets) >= self._most
            if now < oldest.deadline + KEPT_SECONDS and not is_full:
                return
            if oldest.past is None and is_full:
                raise TooManyTickets
            if oldest.past is None:
                self.withdraw(oldest.attach)
            del self._tickets[digest]


class Strikes:
    """Who shows tickets that were never issued is not let in for a while, by address."""

    def __init__(self, rate: float = STRIKES_PER_SECOND, burst: int = STRIKES_BURST) -> None:
        self._buckets = Buckets(rate, burst)

    def add(self, unit: str, now: float) -> None:
        """One more."""
        self._buckets.take(unit, now)

    def shut_out(self, unit: str, now: float) -> bool:
        """Whether there were too many of late."""
        return self._buckets.wait(unit, now) > 0


def _digest(text: str) -> bytes:
    return sha256(text.encode("latin-1")).digest()
