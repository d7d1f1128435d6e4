"""What happens when: sessions arrive, are placed, wait and end; pods start, are cordoned and go; a controller looks on.

One heap of events beside the arrivals. Placement is the product's own (scheduler.placement), waiting is first come first
served, and a session that has waited for `wait` seconds is rejected and does not come back. Nothing here decides how many
pods there should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from autoscaler.observation import MemberSeen
from autoscaler.replay.controller import Controller
from autoscaler.replay.measures import Measures, Write
from autoscaler.replay.pods import POOL, Pod, PodState
from autoscaler.replay.sessions import Chance, Sessions
from autoscaler.replay.setting import Setting
from autoscaler.replay.tally import Tally
from scheduler.placement import Index
from scheduler.values import Wanted

_END, _READY, _TICK, _GIVE_UP, _GRACE, _BEGIN = range(6)


@dataclass(frozen=True, slots=True)
class Waiter:
    """A session in the admission queue."""

    number: int
    length: float


class Pool:
    """One region's pods and sessions. Controllers read it and call what is marked as an order."""

    def __init__(self, sessions: Sessions, setting: Setting, controller: Controller, chance: Chance) -> None:
        self.setting = setting
        self.chance = chance
        self.now = setting.start
        self.pods: dict[int, Pod] = {}  # by number: those that the target counts, so none that terminates
        self.replicas = setting.initial  # what the target asks for
        self.leaving = 0  # of them, those on pods that terminate
        self.queue: dict[int, Waiter] = {}  # in order of arrival
        self.writes: list[Write] = []
        self._members: tuple[MemberSeen, ...] | None = None
        self._sessions = sessions
        self._controller = controller
        self._index: Index[Pod] = Index()
        self._plan = self._index.plan(Wanted((sessions.region,), (POOL,)))
        self._heap: list[tuple[float, int, int, Pod | None]] = []
        self._sequence = 0
        self._made = 0
        self._tally = Tally(setting.start)

    # what controllers may ask

    @property
    def live(self) -> int:
        """Sessions that are served."""
        return self._tally.live

    @property
    def waiting(self) -> int:
        """Sessions in the admission queue."""
        return len(self.queue)

    @property
    def members(self) -> tuple[MemberSeen, ...]:
        """What the target shows; the same object until it changes."""
        if self._members is None:
            self._members = tuple([pod.member for pod in self.pods.values()])
        return self._members

    @property
    def rejected(self) -> int:
        """Sessions that waited in vain, since the warm-up's end."""
        return self._tally.rejected

    @property
    def demand(self) -> int:
        """Sessions on pods that the target counts, and those that wait."""
        return self.live - self.leaving + len(self.queue)

    # orders

    def ask(self, replicas: int) -> None:
        """Writes replicas: one write, where it is another number. Creates and removes nothing."""
        if replicas != self.replicas:
            self.writes.append(Write(self.now, self.replicas, replicas))
            self.replicas = replicas

    def create(self, pods: int) -> None:
        """So many begin to start."""
        for _ in range(pods):
            starts_at = self.now + self.setting.start_seconds(self.chance.random())
            self._push(starts_at, _READY, self._create())

    def raise_to(self, replicas: int) -> None:
        """One write, and the pods that are missing. Nothing where there are as many."""
        if replicas > self.replicas:
            self.ask(replicas)
            self.create(replicas - len(self.pods))

    def cordon(self, pod: Pod) -> None:
        """No new sessions. Nothing where it does not serve."""
        if pod.state is PodState.SERVING:
            pod.become(PodState.CORDONED)
            self._index.close(pod)

    def uncordon(self, pod: Pod) -> None:
        """New sessions again. Nothing where it is not cordoned."""
        if pod.state is PodState.CORDONED:
            pod.become(PodState.SERVING)
            self._index.open(pod)
            self._serve_waiting()

    def remove(self, victims: Sequence[Pod], grace: float) -> None:
        """Lowers replicas by as many, which is one write, and takes them away."""
        if victims:
            self.ask(self.replicas - len(victims))
            self.take_away(victims, grace)

    def take_away(self, victims: Sequence[Pod], grace: float) -> None:
        """They get nothing new; what they carry has `grace` seconds to end and is cut then."""
        for pod in victims:
            del self.pods[pod.number]
            self._members = None
            self._index.remove(pod)
            pod.become(PodState.TERMINATING)
            self.leaving += pod.used
            if pod.used and grace > 0.0:
                self._push(self.now + grace, _GRACE, pod)
            else:
                self._bury(pod)

    # the run

    def run(self) -> Measures:
        """Once."""
        setting = self.setting
        for _ in range(setting.initial):
            self._get_ready(self._create())
        self._push(setting.start + self._controller.every, _TICK, None)
        self._push(setting.begin, _BEGIN, None)
        self._play(setting.end)
        self.now = setting.end
        return self._tally.measures(setting, self.writes)

    def _play(self, end: float) -> None:
        heap, starts, lengths = self._heap, self._sessions.starts, self._sessions.lengths
        coming, at = len(starts), 0
        next_start = starts[0] if coming else inf
        while True:
            if next_start < heap[0][0]:
                if next_start >= end:
                    return
                self.now = next_start
                self._arrive(lengths[at])
                at += 1
                next_start = starts[at] if at < coming else inf
                continue
            when, number, kind, pod = heappop(heap)
            if when >= end:
                return
            self.now = when
            if kind == _END:
                assert pod is not None
                self._end(pod)
            else:
                self._happen(kind, number, pod)

    def _happen(self, kind: int, number: int, pod: Pod | None) -> None:
        if kind == _TICK:
            self._controller.step(self)
            self._push(self.now + self._controller.every, _TICK, None)
        elif kind == _GIVE_UP:
            self._give_up(number)
        elif kind == _BEGIN:
            self._tally = self._tally.begun(self.now)
        elif pod is not None and kind == _READY:
            if pod.state is PodState.STARTING:
                self._get_ready(pod)
                self._serve_waiting()
        elif pod is not None and pod.state is PodState.TERMINATING:
            self._bury(pod)

    # sessions

    def _arrive(self, length: float) -> None:
        counts = self._tally
        counts.sessions += 1
        self._sequence = number = self._sequence + 1
        if not self.queue:
            pod = self._index.choose(self._plan, str(number))
            if pod is not None:
                self._serve(pod, number, length)
                return
        counts.waited += 1
        self.queue[number] = Waiter(number, length)
        heappush(self._heap, (self.now + self.setting.wait, number, _GIVE_UP, None))

    def _serve(self, pod: Pod, number: int, length: float) -> None:
        self._tally.serve(self.now, 1)
        self._index.take(pod)
        heappush(self._heap, (self.now + length, number, _END, pod))

    def _end(self, pod: Pod) -> None:
        state = pod.state
        if state is PodState.GONE:
            return  # it was cut
        self._tally.serve(self.now, -1)
        self._index.give(pod)
        if state is PodState.TERMINATING:
            self.leaving -= 1
            if not pod.used:
                self._bury(pod)
        elif self.queue:
            self._serve_waiting()

    def _serve_waiting(self) -> None:
        queue = self.queue
        while queue:
            number = next(iter(queue))
            pod = self._index.choose(self._plan, str(number))
            if pod is None:
                return
            self._serve(pod, number, queue[number].length)
            del queue[number]
            self._tally.unserved_until = self.now

    def _give_up(self, number: int) -> None:
        if number not in self.queue:
            return
        del self.queue[number]
        self._tally.rejected += 1
        self._tally.unserved_until = self.now

    # pods

    def _create(self) -> Pod:
        self._tally.pay(self.now, 1)
        self._made += 1
        pod = Pod(self._sessions.region, self.setting.slots, self._made, self.now)
        self.pods[pod.number] = pod
        self._members = None
        return pod

    def _get_ready(self, pod: Pod) -> None:
        pod.ready_at = self.now
        pod.become(PodState.SERVING)
        self._members = None
        self._index.add(pod)
        self._index.open(pod)

    def _bury(self, pod: Pod) -> None:
        self._tally.pay(self.now, -1)
        self._tally.serve(self.now, -pod.used)
        self._tally.cut += pod.used
        self.leaving -= pod.used
        pod.become(PodState.GONE)

    def _push(self, at: float, kind: int, pod: Pod | None) -> None:
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, kind, pod))


def play(sessions: Sessions, setting: Setting, controller: Controller, chance: Chance) -> Measures:
    """One pool's run from `setting.start` to `setting.end`."""
    return Pool(sessions, setting, controller, chance).run()
