"""What a history knows while it is played: whom it has brought on, who is silent, and what is said most often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from moorage.ids import GatewayId, KeyId, RequestId, SessionId, UserId, WorkerId, WorkspaceId
from scheduler.values import (
    ClaimRequest,
    ClaimState,
    Granted,
    Heartbeat,
    ProbeSession,
    Queued,
    QueueRefused,
    Registration,
    SessionView,
    Usage,
)
from tests.scheduler.builders import FAR, NEAR
from tests.scheduler.twins.pair import Side, Twins

T = TypeVar("T")
GATEWAYS = (NEAR, FAR, GatewayId("gtw_third"))
SWEEP_EVERY = 0.25
NOBODY = SessionId("ses_nobody")


@dataclass
class Life:
    """One session, as its clients know it."""

    id: SessionId
    workspace: WorkspaceId
    user: UserId
    key: KeyId
    regions: tuple[str, ...]  # as its token says; of several it keeps the one where it was placed
    ticks: list[int] = field(default_factory=list)  # its fences, in milliseconds
    requests: list[ClaimRequest] = field(default_factory=list)


@dataclass
class Hand:
    """One worker, as it knows itself."""

    id: WorkerId
    registration: Registration
    claim_key: bytes
    seq: int = 0
    is_silent: bool = False
    is_ready: bool = True
    link: GatewayId | None = None

    def beat(self) -> Heartbeat:
        """Nothing but that it lives."""
        self.seq += 1
        return Heartbeat(self.id, self.seq, 0, gateway=self.link, is_ready=self.is_ready)


@dataclass(frozen=True)
class Ghost:
    """A session from before a loss of data: its worker and its gateway know it, the store does not."""

    life: Life
    worker: WorkerId
    region: str
    gateway: GatewayId
    expires_at: float


class Play:
    """The stage of one history."""

    def __init__(self, twins: Twins, regions: tuple[str, ...]) -> None:
        self.twins = twins
        self.regions = regions
        self.chance = Random(0)
        self.lives: dict[SessionId, Life] = {}
        self.hands: dict[WorkerId, Hand] = {}
        self.silent: set[GatewayId] = set()
        self.joined: set[GatewayId] = set()
        self.waiting: dict[RequestId, ClaimRequest] = {}
        self.probes: list[ProbeSession] = []
        self.ghosts: list[Ghost] = []
        self.returning: list[Hand] = []  # workers from before a loss of data
        self.seeded: set[SessionId] = set()
        self.numbers = 0

    @property
    def now(self) -> float:
        return self.twins.clock.seconds

    @property
    def has_all_regions(self) -> bool:
        """Whether each has had a worker."""
        return {hand.registration.region for hand in self.hands.values()} == set(self.regions)

    def number(self) -> int:
        """For a new name."""
        self.numbers += 1
        return self.numbers

    def one_of(self, what: Sequence[T]) -> T:
        """Any."""
        return self.chance.choice(what)

    def often(self, percent: int) -> bool:
        """In so many of a hundred cases."""
        return self.chance.randrange(100) < percent

    def usage(self) -> Usage:
        """Some traffic."""
        return Usage(*(self.chance.randrange(1000) for _ in range(4)))

    # sessions

    def life(self, *states: ClaimState) -> Life | None:
        """A session in one of these states if there is one; now and then any."""
        fitting = [view.session for view in self.live(*states)] if states else []
        known = fitting if fitting and self.often(90) else list(self.lives)
        return self.lives[self.one_of(known)] if known else None

    def live(self, *states: ClaimState) -> list[SessionView]:
        """Those in these states, in one order."""
        views = [view for view in self.twins.seen.sessions if view.state in states]
        return sorted((view for view in views if view.session in self.lives), key=lambda view: view.session)

    def is_silent(self, life: Life) -> bool:
        """Whether its gateway is, and others regions could tell: a checkpoint renews a lease in its own region only."""
        gateways = {view.gateway for view in self.twins.seen.sessions if view.session == life.id}
        return len(self.regions) > 1 and bool(gateways & self.silent)

    def is_barred(self, life: Life) -> bool:
        """Whether it is live though it was seeded as over: on a cluster even a repeated claim is refused then."""
        named = {f"session {life.id}", f"user {life.user}", f"key {life.key}", f"workspace {life.workspace}"}
        return life.id in self.seeded or bool(named & set(self.twins.seen.views["revocations"]))

    def tick(self, life: Life) -> int:
        """Its newest fence; now and then an older one, or one that nobody gave."""
        if not life.ticks or self.often(4):
            return 7
        if len(life.ticks) > 1 and self.often(10):
            return life.ticks[-2]
        return life.ticks[-1]

    def fences(self) -> Callable[[Side, Life], int]:
        """Chooses once for both stores."""
        chosen = {life.id: self.tick(life) for life in self.lives.values()}
        return lambda side, life: side.fence(life.id, chosen[life.id])

    # workers and gateways

    def hand(self) -> Hand | None:
        """Any worker that once registered; mostly one that still is."""
        known = [view.worker for view in self.twins.seen.workers if view.worker in self.hands]
        every = sorted(known) if known and self.often(95) else sorted(self.hands)
        return self.hands[self.one_of(every)] if every else None

    def gateway(self) -> GatewayId:
        """Mostly one that is there."""
        joined = sorted(self.joined)
        return self.one_of(joined) if joined and self.often(95) else self.one_of(GATEWAYS)

    # what is heard

    def note(self) -> None:
        """Takes up what the last step told, and the fences that are new."""
        for _, notice in self.twins.heard:
            if isinstance(notice, Granted | QueueRefused):
                self.waiting.pop(notice.request, None)
            if isinstance(notice, ProbeSession):
                self.probes.append(notice)
        for session, tick in self.twins.memory.fences:
            life = self.lives.get(session)
            if life is not None and tick not in life.ticks:
                life.ticks = sorted([*life.ticks, tick])
        self.twins.waiting = {request.session for request in self.waiting.values()}

    def wait_for(self, request: ClaimRequest, answer: object) -> None:
        """Somebody stands in the queue."""
        if isinstance(answer, Queued):
            self.waiting[request.request] = request
            self.twins.waiting.add(request.session)
