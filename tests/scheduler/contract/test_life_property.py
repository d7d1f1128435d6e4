"""Any order of claims, reports, silences and time against a simple model: slots, ends, fences and events stay right.

The model knows the words of the design and nothing of the store's insides: it predicts every answer that has only one
right value, and takes from the store what is the store's choice (which worker, whose turn).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from moorage.errors import Code
from moorage.ids import RequestId, SessionId, WorkerId
from scheduler.policy import SchedulerPolicy
from scheduler.store import Store
from scheduler.values import (
    Claimed,
    ClaimState,
    CloseSession,
    Done,
    End,
    Ended,
    EndRecord,
    Event,
    Granted,
    Heartbeat,
    Notice,
    Outcome,
    Queued,
    QueueRefused,
    QueueView,
    Refused,
    Registered,
    SessionOnWorker,
    SessionView,
    Stale,
    Usage,
    WorkerView,
)
from tests.scheduler.builders import NEAR, a_request, a_worker
from tests.scheduler.world import Clock, Make

T = TypeVar("T")
RESUME, RESERVED, LOST = 12.0, 10.0, 5.0
SLOTS = 1
SESSIONS = st.integers(0, 4)
BACK = st.sampled_from([0] * 9 + [1])  # now and then a fence of an earlier attach
WORKERS = st.integers(0, 2)


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

    @property
    def is_live(self) -> bool:
        return self.state in ("reserved", "held", "suspended")


@dataclass
class Seen:
    """What the store shows."""

    workers: list[WorkerView]
    sessions: list[tuple[Life, SessionView | EndRecord | None]]
    events: list[Event]
    queue: list[tuple[Life, QueueView | None]]


class LifeOfClaims(RuleBasedStateMachine):
    """Five sessions, three workers of one slot, one gateway."""

    make: Make

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.store: Store = self.make(self.clock, SchedulerPolicy(mass_lapse_workers=100))
        self.lives: list[Life] = []
        self.joined: list[Registered] = []
        self.silent: set[WorkerId] = set()
        self.beaten: dict[WorkerId, float] = {}
        self.lost: set[WorkerId] = set()
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

    # what happens

    @rule(who=SESSIONS, wait=st.sampled_from([0.0, 8.0]), expires_in=st.sampled_from([15.0, 3600.0]))
    def claim(self, who: int, wait: float, expires_in: float) -> None:
        life = self.lives[who]
        request = a_request(
            life.id, wait_seconds=wait, resume_seconds=RESUME, expires_in=expires_in, now=self.clock.seconds
        )
        could_return = life.state in ("reserved", "held", "suspended") and not self._is_displaced(life)
        has_room = self._has_room(life)
        goes_elsewhere = self._is_displaced(life) and life.is_started and self._has_room(life, elsewhere=True)

        answer = self.run(self.store.claim(request))

        if life.state == "ended":
            assert isinstance(answer, Refused)
            assert answer.code in (Code.SESSION_ENDED, Code.SESSION_EXPIRED)
            return
        has_waited, life.waits = life.waits is not None, None
        if self._is_displaced(life):
            self._drop(life)
        if not life.is_live:
            life.expires_at = request.expires_at
        match answer:
            case Claimed():
                assert could_return or has_room
                assert not could_return or answer.worker == life.worker
                assert not goes_elsewhere or answer.worker != life.worker
                assert answer.is_resumed is life.is_started
                self._reserved(life, answer)
            case Queued():
                assert wait > 0
                assert not could_return
                assert not has_room
                life.waits = request.request
            case Refused():
                assert not could_return
                assert not has_room
                assert answer.code is Code.NO_CAPACITY
                if has_waited and life.state == "suspended":
                    life.due = self.clock.seconds + RESUME
            case _:
                pytest.fail(f"unexpected {answer}")
        self._listen()

    @rule(who=SESSIONS, is_lost=st.booleans())
    def lose_and_return(self, who: int, is_lost: bool) -> None:
        life = self._one(who, "held")
        if life.state == "held":
            self.suspend(self.lives.index(life), 0, is_lost)
            self.claim(self.lives.index(life), 20.0, 3600.0)

    @rule(who=SESSIONS, wait=st.sampled_from([0.0, 8.0, 20.0]))
    def attach(self, who: int, wait: float) -> None:
        self.claim(who, wait, 3600.0)
        if self.lives[who].state == "reserved":
            self.confirm(who, 0)

    @rule(who=SESSIONS, back=BACK)
    def confirm(self, who: int, back: int) -> None:
        life = self._one(who, "reserved")
        fence = self._fence(life, back)
        is_due = back == 0 and life.state in ("reserved", "held")
        is_lost = life.state == "reserved" and life.worker in self.lost

        answer = self.run(self.store.confirm(life.id, fence))

        if is_due and is_lost:
            assert isinstance(answer, Stale)
            life.is_started = True
            self._suspended(life, is_lost=True)
        elif is_due:
            assert answer == Done()
            life.state, life.is_started, life.is_displaced = "held", True, False
        else:
            self._is_stale(life, answer)
        self._listen()

    @rule(who=SESSIONS, back=BACK, is_lost=st.booleans())
    def suspend(self, who: int, back: int, is_lost: bool) -> None:
        life = self.lives[who] if self.lives[who].state == "held" else self._one(who, "held")
        was = life.state

        answer = self.run(
            self.store.suspend(life.id, self._fence(life, back), Usage(1, 1, 1, 1), is_worker_lost=is_lost)
        )

        if back or not life.is_live:
            self._is_stale(life, answer)
            return
        assert answer == Done()
        if was in ("held", "reserved"):
            life.is_started = True
            self._suspended(life, is_lost=is_lost)
        self._listen()

    @rule(who=SESSIONS, back=BACK)
    def release(self, who: int, back: int) -> None:
        life = self._one(who, "reserved")

        answer = self.run(self.store.release(life.id, self._fence(life, back)))

        if back or life.state in ("none", "held", "ended"):
            assert isinstance(answer, Stale)
        else:
            assert answer == Done()
            if life.state == "reserved":
                self._drop(life)
        self._listen()

    @rule(who=SESSIONS)
    def move(self, who: int) -> None:
        life = self._one(who, "reserved")
        before = life.worker

        answer = self.run(self.store.move(life.id, self._fence(life, 0)))

        match answer:
            case Claimed():
                assert life.state == "reserved"
                assert answer.worker != before
                assert answer.fence == life.fences[-1]
                life.worker = answer.worker
                life.is_displaced = False
            case Refused():
                assert life.state == "reserved"
            case Stale():
                assert life.state != "reserved"
        self._listen()

    @rule(who=SESSIONS, back=st.sampled_from([None, 0, 0, 1]), by=st.sampled_from(["client", "worker", "api"]))
    def end(self, who: int, back: int | None, by: str) -> None:
        life = self.lives[who]
        fence = None if back is None else self._fence(life, back)

        answer = self.run(self.store.end(End(life.id, Outcome.COMPLETED, None, "TEST", by, fence)))

        if life.state == "ended":
            assert isinstance(answer, Ended)
            assert not answer.is_first
        elif back == 1 or (back == 0 and not life.is_live):
            self._is_stale(life, answer)
        else:
            assert isinstance(answer, Ended)
            assert answer.is_first
            self._end(life)
        self._listen()

    @rule(who=SESSIONS)
    def another_session(self, who: int) -> None:
        if self.lives[who].state == "ended":
            self.over.append(self.lives[who])
            self.lives[who] = self._new()

    @rule(who=SESSIONS)
    def leave_queue(self, who: int) -> None:
        waiting = [life for life in self.lives if life.waits is not None]
        if not waiting:
            return
        life = waiting[who % len(waiting)]

        assert life.waits is not None
        self.run(self.store.leave_queue(life.waits))

        life.waits = None
        if life.state == "suspended":
            life.due = self.clock.seconds + RESUME
        self._listen()

    @rule(which=WORKERS)
    def silence(self, which: int) -> None:
        self.silent.add(self.joined[which].worker)

    @rule(which=WORKERS)
    def lose(self, which: int) -> None:
        self.silence(which)
        for _ in range(24):
            self._step()

    @rule(which=WORKERS)
    def return_with_its_sessions(self, which: int) -> None:
        joined = self.joined[which]
        has = [life for life in self.lives if life.is_live and life.worker == joined.worker]
        listed = tuple(SessionOnWorker(life.id, life.fences[-1], life.state == "held") for life in has)
        self.silent.discard(joined.worker)
        self.beaten[joined.worker] = self.clock.seconds
        self.lost.discard(joined.worker)
        for life in has:
            if life.state == "suspended":
                life.is_displaced = False

        again = a_worker(slots=SLOTS, again=joined.worker, claim_key=joined.claim_key, sessions=listed)
        assert self.run(self.store.register(again)) == joined

        self._listen()

    @rule(steps=st.integers(1, 30))
    def time_passes(self, steps: int) -> None:
        for _ in range(steps):
            self._step()

    @rule()
    def everybody_has_waited_enough(self) -> None:
        for _ in range(84):  # 21 s, longer than anyone waits
            self._step()

        assert [life.id for life in self.lives if life.waits is not None] == []

    # what must hold

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        seen = self.runner.run(self._look())
        self._slots_are_exact(seen)
        self._sessions_are_right(seen)
        self._events_are_whole(seen)
        self._nobody_waits_while_there_is_room(seen)

    async def _look(self) -> Seen:
        """Everything at once."""
        lives = (*self.lives, *self.over)
        return Seen(
            await self.store.workers(),
            [(life, await self.store.session(life.id)) for life in lives],
            await self.store.events(100_000, 0),
            [(life, await self.store.queue(life.id)) for life in self.lives],
        )

    def _slots_are_exact(self, seen: Seen) -> None:
        for view in seen.workers:
            own = [life for life in self.lives if life.is_live and life.worker == view.worker]
            assert view.used <= view.slots
            assert (view.reserved, view.held, view.suspended) == tuple(
                sum(life.state == state for life in own) for state in ("reserved", "held", "suspended")
            )

    def _sessions_are_right(self, seen: Seen) -> None:
        for life, view in seen.sessions:
            if life.is_live:
                assert isinstance(view, SessionView)
                assert view.state is ClaimState(life.state)
                assert view.fence == life.fences[-1]
            assert (life.state == "ended") == isinstance(view, EndRecord)

    def _events_are_whole(self, seen: Seen) -> None:
        assert [event.position for event in seen.events] == list(range(1, len(seen.events) + 1))
        for life, _ in seen.sessions:
            own = [event for event in seen.events if event.session == life.id]
            assert [event.seq for event in own] == list(range(1, len(own) + 1))
            ends = [event for event in own if event.type == "session.ended"]
            assert len(ends) == (life.state == "ended")
            assert not ends or own[-1] == ends[0]

    def _nobody_waits_while_there_is_room(self, seen: Seen) -> None:
        for life, waits in seen.queue:
            assert (waits is not None) == (life.waits is not None)
            assert life.waits is None or not self._has_room(life)

    def teardown(self) -> None:
        self.runner.close()

    # the model

    def _new(self) -> Life:
        """Ids of its own: ties between workers are broken by them, and a failure must repeat."""
        self.made += 1
        return Life(SessionId(f"ses_{self.made}"))

    def _has_room(self, life: Life, *, elsewhere: bool = False) -> bool:
        """Whether an open worker has a slot for it; its own slot counts unless it must go elsewhere."""
        used = Counter(one.worker for one in self.lives if one.is_live)
        for joined in self.joined:
            if self._is_open(joined.worker) and (
                used[joined.worker] < SLOTS or (life.worker == joined.worker and not elsewhere)
            ):
                return True
        return False

    def _is_open(self, worker: WorkerId) -> bool:
        return worker not in self.lost and self.clock.seconds - self.beaten[worker] < 3.0

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
        life.state, life.worker, life.waits = "reserved", claimed.worker, None
        life.due = self.clock.seconds + RESERVED

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
        if life.is_live and life.expires_at <= now:
            self._end(life)
        elif life.state == "reserved" and life.due <= now:
            self._drop(life)
        elif life.state == "suspended" and life.due <= now and life.waits is None:
            self._end(life)

    def _listen(self) -> None:
        """Grants and refusals of waiters, in order."""
        for notice in self.runner.run(_read(self.notices)):
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
                told = next(life for life in (*self.lives, *self.over) if life.id == notice.session)
                assert notice.fence in told.fences


async def _read(notices: AsyncIterator[Notice]) -> list[Notice]:
    """What is there now."""
    read: list[Notice] = []
    while True:
        try:
            async with asyncio.timeout(0):
                read.append(await anext(notices))
        except TimeoutError:
            return read


def test_any_order_of_events_keeps_slots_fences_ends_and_waiters_right(make: Make) -> None:
    class Bound(LifeOfClaims):
        pass

    Bound.make = staticmethod(make)
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=80,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # add Phase.shrink to get a short story: minutes
        ),
    )
