"""The fleet's truth in this process's memory: each method is one step of the event loop, so it is atomic.

Gone with the process: a new one has a new epoch, workers register anew and tokens bring sessions back. Fences start at
the clock and so never repeat. Sweeps come every 0.25 s: a gap of over SUSPECT_AFTER between two of them is taken for the
sleep of this process, and no lease counts it. Whoever moves a clock by hand sweeps on the way.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable

from moorage.ids import Draw, GatewayId, RequestId, SessionId, WorkerId
from scheduler.io.memory import (
    claiming,
    contests,
    departures,
    duties,
    endings,
    gateways,
    joining,
    leases,
    reports,
    revoking,
    sweeping,
    views,
    witness,
)
from scheduler.io.memory.board import Board
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.scaling import Keeper, ScalingBoard, ScalingPart
from scheduler.policy import SchedulerPolicy
from scheduler.values import (
    Adopted,
    Beaten,
    Claimed,
    ClaimRequest,
    Contested,
    Directive,
    Done,
    Drain,
    DrainPlan,
    End,
    Ended,
    EndRecord,
    Event,
    GatewayView,
    Heartbeat,
    Held,
    JoinKey,
    Notice,
    PoolView,
    ProbeSession,
    Queued,
    QueueView,
    Refused,
    Registered,
    Registration,
    Revocation,
    SessionView,
    Stale,
    Usage,
    WorkerView,
)
from scheduler.workers import Change


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never step back: the wall clock once, then the monotonic one."""
    start = time.time() - time.monotonic()
    monotonic = time.monotonic
    return lambda: start + monotonic()


class MemoryStore(ScalingPart):
    """`scheduler.store.Store` in memory. Methods mean what they mean there."""

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        draw: Draw = os.urandom,
        policy: SchedulerPolicy | None = None,
        keeper: Keeper | None = None,  # of scale requests, decisions and memories over a restart
    ) -> None:
        self.now = clock or steady_clock()
        policy = policy or SchedulerPolicy()
        self._fleet = Fleet(policy, draw, self.now())
        self._board = Board()
        self._scaling = ScalingBoard(policy, keeper)

    # workers

    async def register(self, registration: Registration) -> Registered | Refused:
        return joining.register(self._fleet, registration, self.now())

    async def heartbeat(self, beat: Heartbeat) -> Beaten | Refused:
        return witness.heartbeat(self._fleet, beat, self.now())

    async def ready(self, worker: WorkerId) -> Done | Refused:
        return duties.change_duty(self._fleet, worker, Change.READY, self.now())

    async def cordon(self, worker: WorkerId) -> Done | Refused:
        return duties.change_duty(self._fleet, worker, Change.CORDON, self.now())

    async def uncordon(self, worker: WorkerId) -> Done | Refused:
        return duties.change_duty(self._fleet, worker, Change.UNCORDON, self.now())

    async def drain(self, worker: WorkerId, drain: Drain) -> Done | Refused:
        return duties.drain(self._fleet, worker, drain, self.now())

    async def direct(self, worker: WorkerId, directive: Directive) -> bool:
        return duties.pass_on(self._fleet, worker, directive)

    async def retire(self, worker: WorkerId) -> Done | Refused:
        return duties.retire(self._fleet, worker, self.now())

    async def remove(self, worker: WorkerId) -> Done | Refused:
        return duties.remove(self._fleet, worker, self.now())

    async def suspect(self, worker: WorkerId, session: SessionId) -> None:
        known = self._fleet.workers.get(worker)
        if known is not None:
            leases.complain(self._fleet, known, session, self.now())

    # sessions

    async def claim(self, request: ClaimRequest) -> Claimed | Queued | Contested | Refused:
        return claiming.claim(self._fleet, request, self.now())

    async def leave_queue(self, request: RequestId, session: SessionId | None = None) -> None:
        claiming.leave_queue(self._fleet, request, session, self.now())

    async def confirm(self, session: SessionId, fence: int) -> Done | Stale:
        return reports.confirm(self._fleet, session, fence, self.now())

    async def move(self, session: SessionId, fence: int) -> Claimed | Refused | Stale:
        return claiming.move(self._fleet, session, fence, self.now())

    async def release(self, session: SessionId, fence: int) -> Done | Stale:
        return claiming.release(self._fleet, session, fence, self.now())

    async def suspend(self, session: SessionId, fence: int, usage: Usage, *, is_worker_lost: bool) -> Done | Stale:
        fleet, now = self._fleet, self.now()
        return reports.suspend_attach(fleet, session, fence, usage, now, is_worker_lost=is_worker_lost)

    async def checkpoint(self, session: SessionId, fence: int, usage: Usage) -> Done | Stale:
        return reports.checkpoint(self._fleet, session, fence, usage, self.now())

    async def extend(self, session: SessionId, expires_at: float) -> Done | Stale:
        return reports.extend(self._fleet, session, expires_at, self.now())

    async def end(self, end: End) -> Ended | Stale:
        return endings.end(self._fleet, end, self.now())

    async def ask_to_end(self, end: End) -> bool:
        return endings.ask_to_end(self._fleet, end)

    async def probed(self, session: SessionId, fence: int, request: RequestId, *, is_alive: bool) -> None:
        contests.probed(self._fleet, ProbeSession(session, fence, request), self.now(), is_alive=is_alive)

    async def revoke(self, revocation: Revocation) -> int:
        return await revoking.revoke(self._fleet, revocation, self.now)

    async def seed(self, ended: dict[SessionId, float], revocations: list[Revocation]) -> None:
        for session, until in ended.items():
            self._fleet.tombstones.seed(session, until)
        for revocation in revocations:
            revoking.remember(self._fleet, revocation)

    # gateways

    async def join(self, gateway: GatewayId, node: str) -> None:
        gateways.join(self._fleet, gateway, node, self.now())

    async def renew(self, gateway: GatewayId) -> bool:
        return gateways.renew(self._fleet, gateway, self.now())

    async def adopt(self, gateway: GatewayId, held: list[Held]) -> Adopted:
        return gateways.adopt(self._fleet, gateway, held, self.now())

    async def leave(self, gateway: GatewayId) -> None:
        gateways.leave(self._fleet, gateway, self.now())

    def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        return self._fleet.mail.watch(gateway)

    # views

    async def workers(self) -> list[WorkerView]:
        return [worker.view() for worker in self._fleet.workers.values()]

    async def worker(self, worker: WorkerId) -> WorkerView | None:
        known = self._fleet.workers.get(worker)
        return known.view() if known is not None else None

    async def session(self, session: SessionId) -> SessionView | EndRecord | None:
        return views.session_view(self._fleet, session, self.now())

    async def sessions(self) -> list[SessionView]:
        now = self.now()
        return [session.view(now) for session in self._fleet.sessions.values()]

    async def pools(self) -> list[PoolView]:
        return views.pool_views(self._fleet, self.now())

    async def waiting(self) -> dict[tuple[str, str], int]:
        return views.waiting(self._fleet, self.now())

    async def queue(self, session: SessionId) -> QueueView | None:
        return views.queue_view(self._fleet, session, self.now())

    async def revocations(self) -> list[Revocation]:
        return self._fleet.revocations.all()

    async def nodes(self) -> dict[GatewayId, str]:
        return views.node_views(self._fleet, self.now())

    async def gateways(self) -> list[GatewayView]:
        return views.gateway_views(self._fleet, self.now())

    # drains and roles

    async def put_drain(self, drain: DrainPlan) -> bool:
        return self._board.put(drain)

    async def drop_drain(self, drain: str) -> None:
        self._board.drains.pop(drain, None)

    async def drains(self) -> list[DrainPlan]:
        return sorted(self._board.drains.values(), key=lambda drain: (drain.started_at, drain.id))

    async def move_away(self, of: WorkerId | GatewayId, most: int) -> int:
        return departures.move_away(self._fleet, of, most, self.now())

    async def cordon_gateway(self, gateway: GatewayId, *, is_cordoned: bool) -> Done | Refused:
        return gateways.cordon(self._fleet, gateway, is_cordoned=is_cordoned)

    async def lead(self, role: str, holder: str, seconds: float) -> bool:
        return self._board.lead(role, holder, seconds, self.now())

    # keys

    async def set_token_keys(self, document: bytes) -> None:
        self._board.token_keys = document

    async def token_keys(self) -> bytes | None:
        return self._board.token_keys

    async def set_join_keys(self, keys: list[JoinKey]) -> None:
        self._board.join_keys = {key.digest: key for key in keys}

    async def join_key(self, digest: str) -> JoinKey | None:
        return self._board.join_keys.get(digest)

    # events: one consumer, whatever its name; it acknowledges in order

    async def events(self, consumer: str, limit: int, wait_seconds: float) -> list[Event]:
        return await self._fleet.log.read(limit, wait_seconds)

    async def acknowledge(self, consumer: str, events: list[Event]) -> None:
        if events:
            self._fleet.log.acknowledge(max(int(event.position) for event in events))

    # time

    async def sweep(self) -> None:
        await sweeping.sweep(self._fleet, self.now())
