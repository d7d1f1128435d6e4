"""What the store must show after every step, whatever happened."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis.stateful import invariant

from scheduler.values import (
    ClaimState,
    EndRecord,
    Event,
    QueueView,
    SessionView,
    WorkerView,
)
from tests.scheduler.contract.life import Life, Model


@dataclass
class Seen:
    """What the store shows."""

    workers: list[WorkerView]
    sessions: list[tuple[Life, SessionView | EndRecord | None]]
    events: list[Event]
    queue: list[tuple[Life, QueueView | None]]


class Truths(Model):
    """The store shows what the model says."""

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
            await self.store.events("test", 100_000, 0),
            [(life, await self.store.queue(life.id)) for life in self.lives],
        )

    def _slots_are_exact(self, seen: Seen) -> None:
        for view in seen.workers:
            own = [life for life in self.lives if life.is_live and life.worker == view.worker]
            assert view.used <= view.slots
            assert view.came == self.came[view.worker]
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
        assert len({event.position for event in seen.events}) == len(seen.events)
        for life, _ in seen.sessions:
            own = [event for event in seen.events if event.session == life.id]
            assert [event.seq for event in own] == list(range(1, len(own) + 1))
            ends = [event for event in own if event.type == "session.ended"]
            assert len(ends) == (life.state == "ended")
            assert not ends or own[-1] == ends[0]

    def _nobody_waits_while_there_is_room(self, seen: Seen) -> None:
        for life, waits in seen.queue:
            assert (waits is not None) == (life.waits is not None)
            is_shy = life.again_at > self.clock.seconds
            assert life.waits is None or is_shy or not self._has_room(life, spared=self.unanswering)
