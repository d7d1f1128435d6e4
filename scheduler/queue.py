"""The admission queue: who waits, whose turn it is when a slot comes free, at which place one stands.

Waiters with the same requirement share a lane. Within a lane workspaces take turns, and within a workspace the first
come is served first. Turns are counted over all lanes: a workspace that was served goes behind every other one that
waits. Bounded in all and for each workspace. Sends nothing and reserves nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from moorage.ids import RequestId, SessionId, WorkspaceId
from scheduler.alarms import UNSET
from scheduler.placement import Plan, meets
from scheduler.policy import SchedulerPolicy
from scheduler.shelves import Spot
from scheduler.values import ClaimRequest

PACE_SECONDS = 60.0  # the rate of grants is remembered about so long


@dataclass(slots=True, eq=False)
class Waiter:
    """One session that waits. A later connection of the same session takes the place over."""

    request: ClaimRequest
    lane: Lane
    since: float
    deadline: float
    order: int  # of arrival
    again_at: float = inf  # it waits because workers did not answer: when those still heard may be tried again
    tick: int = UNSET

    @property
    def due(self) -> float:
        """When its time to wait, its session's to live or that of a worker to be left alone is over."""
        return min(self.deadline, self.request.expires_at, self.again_at)


@dataclass(slots=True, eq=False)
class Turn:
    """A workspace in the ring: the lower the stamp, the sooner its turn."""

    stamp: int
    waiting: int = 0


class Pace:
    """How often something happens, the distant past fading."""

    __slots__ = ("_at", "_weight")

    def __init__(self) -> None:
        self._weight = 0.0
        self._at = 0.0

    def beat(self, now: float) -> None:
        """It happened."""
        self._weight = self._faded(now) + 1.0
        self._at = now

    def per_second(self, now: float) -> float:
        """0.0 when it never happened."""
        return self._faded(now) / PACE_SECONDS

    def _faded(self, now: float) -> float:
        return max(0.0, self._weight * (1.0 - (now - self._at) / PACE_SECONDS))


class Lane:
    """Waiters that any matching worker can serve alike."""

    __slots__ = ("pace", "plan", "ring", "workspaces")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.workspaces: dict[WorkspaceId, OrderedDict[SessionId, Waiter]] = {}
        self.ring: list[tuple[int, WorkspaceId]] = []  # a heap; an entry with an old stamp is put right when it is met
        self.pace = Pace()

    def enter(self, workspace: WorkspaceId, stamp: int) -> None:
        """A workspace begins to wait here. One that comes and goes leaves old entries: they are cleared now and then."""
        if len(self.ring) > 2 * len(self.workspaces) + 16:
            self.ring = sorted({entry[1]: entry for entry in self.ring if entry[1] in self.workspaces}.values())
        heappush(self.ring, (stamp, workspace))


class Queue:
    """All waiters of a store."""

    def __init__(self, policy: SchedulerPolicy) -> None:
        self._policy = policy
        self._lanes: dict[int, Lane] = {}  # by the identity of the plan, which the lane keeps alive
        self._turns: dict[WorkspaceId, Turn] = {}
        self._stamp = 0
        self._by_session: dict[SessionId, Waiter] = {}
        self._by_request: dict[RequestId, Waiter] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._by_session.values())

    def of_session(self, session: SessionId) -> Waiter | None:
        """The waiter of this session."""
        return self._by_session.get(session)

    def of_request(self, request: RequestId) -> Waiter | None:
        """The waiter with this request."""
        return self._by_request.get(request)

    def join(self, request: ClaimRequest, plan: Plan, now: float) -> Waiter | None:
        """To the end of its workspace's line; None when the queue, or the workspace's part of it, is full."""
        turn = self._turns.get(request.workspace)
        if len(self._by_session) >= self._policy.queue_waiters:
            return None
        if turn is not None and turn.waiting >= self._policy.queue_waiters_per_workspace:
            return None
        if turn is None:
            turn = self._turns[request.workspace] = Turn(self._next_stamp())
        turn.waiting += 1
        lane = self._lanes.get(id(plan))
        if lane is None:
            lane = self._lanes[id(plan)] = Lane(plan)
        line = lane.workspaces.get(request.workspace)
        if line is None:
            line = lane.workspaces[request.workspace] = OrderedDict()
            lane.enter(request.workspace, turn.stamp)
        waiter = Waiter(request, lane, now, now + request.wait_seconds, self._next_stamp())
        line[request.session] = waiter
        self._by_session[request.session] = waiter
        self._by_request[request.request] = waiter
        return waiter

    def take_over(self, waiter: Waiter, request: ClaimRequest, now: float) -> None:
        """A later connection of the session, of the same workspace and requirement, stands where the earlier one stood."""
        del self._by_request[waiter.request.request]
        waiter.request = request
        waiter.deadline = now + request.wait_seconds
        self._by_request[request.request] = waiter

    def leave(self, waiter: Waiter) -> None:
        """Takes a waiter out, served or not."""
        request = waiter.request
        lane = waiter.lane
        del self._by_session[request.session]
        del self._by_request[request.request]
        line = lane.workspaces[request.workspace]
        del line[request.session]
        if not line:
            del lane.workspaces[request.workspace]  # its ring entry is dropped when it is met
            if not lane.workspaces:
                del self._lanes[id(lane.plan)]
        turn = self._turns[request.workspace]
        turn.waiting -= 1
        if not turn.waiting:
            del self._turns[request.workspace]

    def serve(self, spot: Spot, now: float) -> Waiter | None:
        """Takes out the waiter whose turn it is for a free slot of this worker; None when nobody waits for such."""
        heads = [self._head(lane) for lane in self._lanes.values() if meets(spot, lane.plan.wanted)]
        if not heads:
            return None
        _, _, waiter = min(heads, key=lambda head: head[:2])
        self._turns[waiter.request.workspace].stamp = self._next_stamp()
        waiter.lane.pace.beat(now)
        self.leave(waiter)
        return waiter

    def stranded(self, has_match: Callable[[Plan], bool]) -> list[Waiter]:
        """Those whom no worker can serve any more."""
        lost = [lane for lane in self._lanes.values() if not has_match(lane.plan)]
        return [waiter for lane in lost for line in lane.workspaces.values() for waiter in line.values()]

    def position(self, waiter: Waiter) -> int:
        """1 is next, as things stand, among those with the same requirement."""
        lane, workspace = waiter.lane, waiter.request.workspace
        line = lane.workspaces[workspace]
        is_last = next(reversed(line)) == waiter.request.session  # as whoever just joined
        depth = len(line) - 1 if is_last else list(line).index(waiter.request.session)
        own = self._turns[workspace].stamp
        ahead = depth
        for other, others in lane.workspaces.items():
            if other != workspace:
                ahead += min(len(others), depth + (self._turns[other].stamp < own))
        return ahead + 1

    def eta_seconds(self, waiter: Waiter, now: float) -> float | None:
        """From the rate of this lane's grants; None when there was none lately."""
        rate = waiter.lane.pace.per_second(now)
        return self.position(waiter) / rate if rate > 0.0 else None

    def waiting_by_lane(self) -> list[tuple[Plan, int]]:
        """How many wait for what."""
        return [(lane.plan, sum(map(len, lane.workspaces.values()))) for lane in self._lanes.values()]

    def _head(self, lane: Lane) -> tuple[int, int, Waiter]:
        """Who is next in this lane, with what decides between lanes: the workspace's stamp, then the arrival.

        The ring's stale stamps are put right on the way, and workspaces that left are dropped.
        """
        ring = lane.ring
        while True:
            stamp, workspace = ring[0]
            if workspace not in lane.workspaces:
                heappop(ring)
                continue
            current = self._turns[workspace].stamp
            if current == stamp:
                waiter = next(iter(lane.workspaces[workspace].values()))
                return stamp, waiter.order, waiter
            heappop(ring)
            heappush(ring, (current, workspace))

    def _next_stamp(self) -> int:
        self._stamp += 1
        return self._stamp
