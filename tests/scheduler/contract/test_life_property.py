"""Any order of claims, reports, silences and time against a simple model: slots, ends, fences and events stay right."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from moorage.errors import Code
from scheduler.values import (
    Claimed,
    Done,
    End,
    Ended,
    Outcome,
    Queued,
    Refused,
    SessionOnWorker,
    Stale,
    Usage,
)
from tests.scheduler.builders import a_request, a_worker
from tests.scheduler.contract.life import RESUME, SLOTS, SUSPECT
from tests.scheduler.contract.truths import Truths
from tests.scheduler.world import Make, a_memory_store

SESSIONS = st.integers(0, 4)
BACK = st.sampled_from([0] * 9 + [1])  # now and then a fence of an earlier attach
WORKERS = st.integers(0, 2)


class LifeOfClaims(Truths):
    """What may happen, in any order."""

    @rule(who=SESSIONS, wait=st.sampled_from([0.0, 8.0]), expires_in=st.sampled_from([15.0, 3600.0]))
    def claim(self, who: int, wait: float, expires_in: float) -> None:
        life = self.lives[who]
        request = a_request(
            life.id, wait_seconds=wait, resume_seconds=RESUME, expires_in=expires_in, now=self.clock.seconds
        )
        could_return = life.state in ("reserved", "held", "suspended") and not self._is_displaced(life)
        has_room = self._has_room(life)
        is_in_line = life.waits is not None and wait > 0  # and stays there: what has room now may not have answered
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
                assert is_in_line or not could_return
                assert is_in_line or not has_room
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
        if life.state == "reserved" and before is not None:
            self.unanswering.add(before)

        answer = self.run(self.store.move(life.id, self._fence(life, 0)))

        match answer:
            case Claimed():
                assert life.state == "reserved"
                assert answer.worker != before
                assert answer.fence == life.fences[-1]
                self._housed(life, answer.worker)
                life.is_displaced = False
            case Refused():
                assert life.state == "reserved"
            case Stale():
                assert life.state != "reserved"
        self._listen()

    @rule(who=SESSIONS, wait=st.sampled_from([0.0, 8.0, 20.0]), back=BACK)
    def seek_on(self, who: int, wait: float, back: int) -> None:
        """No worker answered; whoever waits is not asked for here."""
        started = [life for life in self.lives if life.state == "reserved" and life.is_started]
        life = started[who % len(started)] if started else self.lives[who]
        if life.waits is not None or life.state not in ("reserved", "held"):
            return
        fence, before = self._fence(life, back), life.worker
        if before is not None:
            self.unanswering.add(before)
        request = a_request(life.id, wait_seconds=wait, resume_seconds=RESUME, now=self.clock.seconds)

        answer = self.run(self.store.claim(request._replace(unreached=fence)))

        is_newest = fence == life.fences[-1]
        match answer:
            case Claimed():
                assert is_newest
                assert life.is_started
                assert answer.worker != before
                assert answer.is_resumed
                self._drop(life)
                self._reserved(life, answer)
            case Queued():
                assert is_newest
                assert life.is_started
                assert wait > 0
                self._drop(life)
                life.waits, life.again_at = request.request, self.clock.seconds + SUSPECT
            case Refused(code=Code.NO_CAPACITY):
                assert is_newest
                if life.is_started:
                    self._drop(life)
            case Refused(code=Code.SESSION_SUPERSEDED):
                assert not is_newest or life.state == "held"
            case _:
                pytest.fail(f"unexpected {answer}")
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
        self.unanswering.discard(joined.worker)
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


def test_any_order_of_events_keeps_slots_fences_ends_and_waiters_right(make: Make) -> None:
    class Bound(LifeOfClaims):
        pass

    Bound.make = staticmethod(make)
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=80 if make is a_memory_store else 12,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # add Phase.shrink to get a short story: minutes
        ),
    )
