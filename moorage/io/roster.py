"""What the worker's two threads share: its table of sessions and its place in the fleet, behind one lock.

The worker's loop attaches and ends; the link's thread lists and beats, also while a handler blocks the loop. Every method is
quick. What the link hears is posted to the worker's loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from moorage.claims import Claim, verify_claim
from moorage.errors import Code, MoorageError
from moorage.ids import SessionId, WorkerId
from moorage.io.worker_options import WorkerOptions
from moorage.link import Directive, Heartbeat, Outcome, Register, Registered
from moorage.sessions import Attach, SessionTable

KEPT_KEYS = 2  # a claim made just before a new registration still holds


class Ear(Protocol):
    """Hears the link on the worker's own loop."""

    def on_registered(self, registered: Registered) -> None:
        """In the fleet, for the first time or again."""

    def on_serving(self) -> None:
        """The store took a beat: sessions may come."""

    def on_refused(self, error: MoorageError) -> None:
        """A gateway did not let this worker in."""

    def on_directive(self, directive: Directive) -> None:
        """An order."""


class Roster:
    """Implements moorage.io.voice.Voice."""

    def __init__(self, options: WorkerOptions, ear: Ear, post: Callable[..., object]) -> None:
        self.port = 0  # known when the worker listens
        self.is_leaving = False
        self._options = options
        self._ear = ear
        self._post = post
        self._lock = threading.Lock()
        self._table = SessionTable(options.slots)
        self._is_new = False
        self._is_serving = False
        self._identities: tuple[tuple[WorkerId, bytes], ...] = ()  # newest first

    # For the worker's loop.

    def __len__(self) -> int:
        return len(self._table)

    @property
    def worker_id(self) -> WorkerId | None:
        """None before the first registration."""
        return self._identities[0][0] if self._identities else None

    @property
    def is_draining(self) -> bool:
        """Whether new sessions are refused."""
        return self._table.is_draining

    @is_draining.setter
    def is_draining(self, said: bool) -> None:
        with self._lock:
            self._table.is_draining = said

    def verify(self, claim: str) -> Claim:
        """Raises ValueError for a claim that none of this worker's keys made."""
        for worker, key in self._identities:
            try:
                claimed = verify_claim(claim, key)
            except ValueError:
                continue
            if claimed.worker == worker:
                return claimed
        raise ValueError("the claim was not made for this worker")

    def judge(self, session: SessionId, fence: int) -> Attach:
        """What `attach` would answer."""
        with self._lock:
            return self._table.judge(session, fence)

    def attach(self, session: SessionId, fence: int) -> Attach:
        """Seats a session, or raises its fence."""
        with self._lock:
            return self._table.attach(session, fence)

    def detach(self, session: SessionId, fence: int) -> None:
        """The socket of this attach is gone."""
        with self._lock:
            self._table.detach(session, fence)

    def leave(self, session: SessionId, outcome: Outcome | None, reason: str) -> None:
        """Ends a session, or with None lets go of one that goes on elsewhere."""
        with self._lock:
            if outcome is None:
                self._table.forget(session)
            else:
                self._table.end(session, outcome, reason)

    def fence(self, session: SessionId) -> int | None:
        """Of the newest attach."""
        with self._lock:
            return self._table.fence(session)

    # For the link's thread.

    def introduce(self, local_host: str) -> Register:
        """With every session there is now."""
        options = self._options
        worker, key = self._identities[0] if self._identities and not self._is_new else (None, None)
        with self._lock:
            sessions = self._table.listed()
        return Register(
            name=options.name,
            region=options.region,
            pool=options.pool,
            address=options.advertised(local_host, self.port),
            slots=options.slots,
            labels=options.labels,
            version=options.version,
            sessions=sessions,
            kubernetes=options.pod,
            again=worker,
            claim_key=key,
        )

    def welcome(self, registered: Registered) -> None:
        """Claims of the identity before stay good for those that are under way."""
        mine = (registered.worker_id, registered.claim_key)
        self._is_new = False
        self._identities = (mine, *(each for each in self._identities if each != mine))[:KEPT_KEYS]
        self._post(self._ear.on_registered, registered)

    def refused(self, error: MoorageError) -> None:
        """Passed on. A store that doubts who this worker was is told of a new one."""
        if error.code in (Code.PERMISSION_DENIED, Code.CONFLICT):
            self._is_new = True
        self._post(self._ear.on_refused, error)

    def beat(self) -> Heartbeat:
        """What the store has not taken yet."""
        with self._lock:
            return self._table.beat(len(self._table) / self._options.slots, is_ready=not self.is_leaving)

    def acknowledged(self, beat: Heartbeat) -> None:
        """The store took it. With the first one after a registration sessions may come."""
        with self._lock:
            self._table.acknowledge(beat)
        if not self._is_serving:
            self._is_serving = True
            self._post(self._ear.on_serving)

    def directed(self, directive: Directive) -> None:
        """Passed on."""
        self._post(self._ear.on_directive, directive)
