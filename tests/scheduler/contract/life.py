"""What must become of sessions, as a simple model says.

The model knows the words of the design and nothing of the store's insides: it predicts every answer that has only one
right value, and takes from the store what is the store's choice (which worker, whose turn).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, initialize

from moorage.ids import RequestId, SessionId, WorkerId
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import (
    Claimed,
    CloseSession,
    Granted,
    Heartbeat,
    Notice,
    QueueRefused,
    Registered,
    Stale,
)
from tests.scheduler.builders import NEAR, a_worker
from tests.scheduler.told import told
from tests.scheduler.world import Clock, Make, closed, opened

T = TypeVar("T")
RESUME, RESERVED, SUSPECT, LOST, LAST_WORD = 12.0, 10.0, 3.0, 5.0, 1.0
SLOTS = 1


@dataclass
class Life:
    """What the model knows of one session."""

    id: SessionId
    state: str = "none"  # none | reserved | held | suspended | ended
    worker: WorkerId | None = None
    fences: list[int] = field(default_factory=list)
    due: float = 0.0
    expires_at: float = 0.0
    is_started: bool = False
    is_displaced: bool = False
    waits: RequestId | None = None
    again_at: float = 0.0  # while it waits: until then no worker that it tried is room for it

    @property
    def is_live(self) -> bool:
        return self.state in ("reserved", "held", "suspended")


class Model(RuleBasedStateMachine):
    """Five sessions, three workers of one slot, one gateway."""

    make: Make

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.store: Store = self.run(self._opened())
        self.lives: list[Life] = []
        self.joined: list[Registered] = []
        self.silent: set[WorkerId] = set()
        self.beaten: dict[WorkerId, float] = {}
        self.lost: set[WorkerId] = set()
        self.unanswering: set[WorkerId] = set()  # since their last beat: their room goes to nobody who waits
        self.came: Counter[WorkerId] = Counter()
        self.over: list[Life] = []
        self.seq = 0
        self.made = 0

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """One step of the store."""
        return self.runner.run(step)

    @initialize()
    def begin(self) -> None:
        self.run(self.store.join(NEAR, "wss://near"))
        self.notices = self.runner.run(self._watch())
        for number in range(3):
            joined = self.run(self.store.register(a_worker(slots=SLOTS, name=f"w{number}")))
            assert isinstance(joined, Registered)
            self.joined.append(joined)
            self.beaten[joined.worker] = self.clock.seconds
        self.lives = [self._new() for _ in range(5)]

    async def _watch(self) -> AsyncIterator[Notice]:
        return self.store.watch(NEAR)

    async def _opened(self) -> Store:
        store = self.make(self.clock, SchedulerPolicy(mass_lapse_workers=100))
        await opened(store)
        return store

    def teardown(self) -> None:
        self.run(closed(self.store))
        self.runner.close()

    def _new(self) -> Life:
        """Ids of its own: ties between workers are broken by them, and a failure must repeat."""
        self.made += 1
        return Life(SessionId(f"ses_{self.made}"))

    def _has_room(self, life: Life, *, elsewhere: bool = False, spared: Collection[WorkerId] = ()) -> bool:
        """Whether an open worker has a slot for it; its own slot counts unless it must go elsewhere."""
        used = Counter(one.worker for one in self.lives if one.is_live)
        for joined in self.joined:
            if (
                joined.worker not in spared
                and self._is_open(joined.worker)
                and (used[joined.worker] < SLOTS or (life.worker == joined.worker and not elsewhere))
            ):
                return True
        return False

    def _is_open(self, worker: WorkerId) -> bool:
        return worker not in self.lost and self.clock.seconds - self.beaten[worker] < SUSPECT

    def _is_displaced(self, life: Life) -> bool:
        return life.is_live and (life.is_displaced or life.worker in self.lost)

    def _one(self, who: int, state: str) -> Life:
        """One in that state if there is one, so that most steps do something."""
        fitting = [life for life in self.lives if life.state == state]
        return fitting[who % len(fitting)] if fitting else self.lives[who]

    def _fence(self, life: Life, back: int) -> int:
        return life.fences[-1 - back] if len(life.fences) > back else 1

    def _is_stale(self, life: Life, answer: object) -> None:
        assert isinstance(answer, Stale)
        assert answer.fence == (life.fences[-1] if life.is_live else None)

    def _reserved(self, life: Life, claimed: Claimed) -> None:
        assert not life.fences or claimed.fence > life.fences[-1]
        assert claimed.fence >= self.clock.seconds * 1e6
        life.fences.append(claimed.fence)
        life.is_displaced = life.is_displaced and life.worker == claimed.worker
        self._housed(life, claimed.worker)
        life.state, life.waits, life.again_at = "reserved", None, 0.0
        life.due = self.clock.seconds + RESERVED

    def _housed(self, life: Life, worker: WorkerId) -> None:
        """It has a slot there; a new one, unless it had one there before."""
        self.came[worker] += life.worker != worker
        life.worker = worker

    def _suspended(self, life: Life, *, is_lost: bool) -> None:
        life.state, life.is_displaced = "suspended", is_lost
        life.due = self.clock.seconds + RESUME

    def _drop(self, life: Life) -> None:
        """The attach makes way."""
        if life.state == "held":
            self._suspended(life, is_lost=False)
        elif life.state == "reserved" and life.is_started:
            life.state, life.due = "suspended", self.clock.seconds + RESUME
        elif life.state == "reserved":
            life.state, life.worker = "none", None

    def _end(self, life: Life) -> None:
        life.state, life.worker, life.waits = "ended", None, None

    def _step(self) -> None:
        self.clock.seconds += 0.25
        now = self.clock.seconds
        if now == int(now):
            for joined in self.joined:
                if joined.worker not in self.silent:
                    self.seq += 1
                    self.run(self.store.heartbeat(Heartbeat(joined.worker, self.seq, 0)))
                    self.beaten[joined.worker] = now
                    self.unanswering.discard(joined.worker)
            self.run(self.store.renew(NEAR))
        self.run(self.store.sweep())
        self._lose_silent(now)
        for life in self.lives:
            self._let_pass(life, now)
        self._listen()

    def _lose_silent(self, now: float) -> None:
        for worker in self.silent - self.lost:
            if self.beaten[worker] + LOST <= now:
                self.lost.add(worker)
                for life in self.lives:
                    if life.worker == worker and life.state == "held":
                        self._suspended(life, is_lost=True)

    def _let_pass(self, life: Life, now: float) -> None:
        last_word = LAST_WORD if life.state == "held" else 0.0  # of a gateway that says none here
        if life.is_live and life.expires_at + last_word <= now:
            self._end(life)
        elif life.state == "reserved" and life.due <= now:
            self._drop(life)
        elif life.state == "suspended" and life.due <= now and life.waits is None:
            self._end(life)

    def _listen(self) -> None:
        """Grants and refusals of waiters, in order."""
        for notice in self.runner.run(told(self.store, NEAR, self.notices)):
            if isinstance(notice, Granted):
                life = next(life for life in self.lives if life.waits == notice.request)
                self._reserved(life, notice.claimed)
            elif isinstance(notice, QueueRefused):
                waiting = [life for life in self.lives if life.waits == notice.request]
                for life in waiting:
                    life.waits = None
                    if life.state == "suspended":
                        life.due = self.clock.seconds + RESUME
            elif isinstance(notice, CloseSession):
                whose = next(life for life in (*self.lives, *self.over) if life.id == notice.session)
                assert notice.fence in whose.fences
