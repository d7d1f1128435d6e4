"""The fleet's truth in Redis or Valkey, shared by any number of processes: each method is one script, or a few in an
order that a crash between two of them cannot turn into an over-grant or a lost record. See docs/scheduler.md."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from math import isfinite
from time import monotonic

from moorage.errors import Code
from moorage.ids import Draw, GatewayId, RequestId, SessionId, WorkerId
from scheduler.io.redis import board, claiming, gateways, lives, sweeping, views
from scheduler.io.redis.client.shards import OnFailure, Shards
from scheduler.io.redis.events import Events
from scheduler.io.redis.fullness import fullest
from scheduler.io.redis.ground import FLEET, Ground, region_tag
from scheduler.io.redis.joining import Workers
from scheduler.io.redis.scaling import ScalingPart
from scheduler.io.redis.spreading import Spread
from scheduler.io.redis.watching import Watches
from scheduler.io.redis.words import usage_word
from scheduler.policy import SchedulerPolicy
from scheduler.storeurl import StoreUrl
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

LOOK_AT_CLOCK_EVERY = 1.0


class RedisStore(ScalingPart):
    """`scheduler.store.Store` over Redis. `open` before use, `close` at the end. Methods mean what they mean there."""

    def __init__(
        self,
        url: StoreUrl,
        policy: SchedulerPolicy | None = None,
        on_failure: OnFailure = lambda _: None,
        clock: Callable[[], float] | None = None,
        draw: Draw = os.urandom,
        *,
        is_split: bool = False,  # as on a cluster: no script touches two shards
    ) -> None:
        self._shards = Shards(url, on_failure)
        self._ground = Ground(self._shards, policy or SchedulerPolicy(), clock, draw, is_split=is_split)
        self._workers = Workers(self._ground)
        self._spread = Spread(self._ground)
        self._watches = Watches(self._ground, self._spread)
        self._events = Events(self._ground)
        self._looked_at = 0.0
        self.now = self._ground.now

    async def open(self) -> None:
        """Connects. Raises Unavailable, or what is wrong with the store's schema."""
        await self._shards.open()
        await self._ground.set_clock()
        await self._ground.refresh_regions()

    async def close(self) -> None:
        """Calls under way fail, watches end."""
        self._watches.close_all()
        await self._spread.close()
        await self._shards.close()

    async def memory_bytes(self) -> tuple[int, int]:
        """Bytes used and bytes allowed (0: no limit) of its fullest server. Raises Unavailable."""
        return await fullest(self._shards, [FLEET, *map(region_tag, self._ground.regions)])

    # workers

    async def register(self, registration: Registration) -> Registered | Refused:
        return await self._workers.register(registration)

    async def heartbeat(self, beat: Heartbeat) -> Beaten | Refused:
        return await self._workers.heartbeat(beat)

    async def ready(self, worker: WorkerId) -> Done | Refused:
        return await self._workers.change("duty", worker, "ready")

    async def cordon(self, worker: WorkerId) -> Done | Refused:
        return await self._workers.change("duty", worker, "cordon")

    async def uncordon(self, worker: WorkerId) -> Done | Refused:
        return await self._workers.change("duty", worker, "uncordon")

    async def drain(self, worker: WorkerId, drain: Drain) -> Done | Refused:
        if not isfinite(drain.deadline) or not 0 < drain.rate_per_second < float("inf"):
            return Refused(Code.UNPROCESSABLE, "a drain needs a finite deadline and a rate above 0 per second")
        return await self._workers.change("duty", worker, "drain", drain.deadline, drain.rate_per_second)

    async def direct(self, worker: WorkerId, directive: Directive) -> bool:
        return await self._workers.pass_on(worker, directive)

    async def retire(self, worker: WorkerId) -> Done | Refused:
        return await self._workers.change("duty", worker, "retire")

    async def remove(self, worker: WorkerId) -> Done | Refused:
        return await self._workers.change("remove", worker)

    async def suspect(self, worker: WorkerId, session: SessionId) -> None:
        await self._workers.complain(worker, session)

    # sessions

    async def claim(self, request: ClaimRequest) -> Claimed | Queued | Contested | Refused:
        return await claiming.claim(self._ground, self._spread, request)

    async def leave_queue(self, request: RequestId, session: SessionId | None = None) -> None:
        spread = self._spread.regions(request)
        for region in spread or self._ground.regions:
            if await self._ground.in_region("leave_queue", region, [request, session or False]) and spread is None:
                return

    async def confirm(self, session: SessionId, fence: int) -> Done | Stale:
        answer: Done | Stale = await lives.tell(self._ground, "confirm", session, fence)
        return answer

    async def move(self, session: SessionId, fence: int) -> Claimed | Refused | Stale:
        answer: Claimed | Refused | Stale = await lives.tell(self._ground, "move", session, fence)
        return answer

    async def release(self, session: SessionId, fence: int) -> Done | Stale:
        answer: Done | Stale = await lives.tell(self._ground, "release", session, fence)
        return answer

    async def suspend(self, session: SessionId, fence: int, usage: Usage, *, is_worker_lost: bool) -> Done | Stale:
        answer: Done | Stale = await lives.tell(
            self._ground, "suspend", session, fence, usage_word(usage), is_worker_lost
        )
        return answer

    async def checkpoint(self, session: SessionId, fence: int, usage: Usage) -> Done | Stale:
        answer: Done | Stale = await lives.tell(self._ground, "checkpoint", session, fence, usage_word(usage))
        return answer

    async def extend(self, session: SessionId, expires_at: float) -> Done | Stale:
        answer: Done | Stale = await lives.tell(self._ground, "extend", session, expires_at)
        return answer

    async def end(self, end: End) -> Ended | Stale:
        return await lives.end(self._ground, end)

    async def ask_to_end(self, end: End) -> bool:
        return await lives.ask_to_end(self._ground, end)

    async def probed(self, session: SessionId, fence: int, request: RequestId, *, is_alive: bool) -> None:
        region = await self._ground.where(session)
        for one in self._ground.regions if region is None else [region]:  # ended meanwhile: who asked still waits
            await self._ground.in_region("probed", one, [session, fence, request, is_alive])

    async def revoke(self, revocation: Revocation) -> int:
        return await board.revoke(self._ground, revocation)

    async def seed(self, ended: dict[SessionId, float], revocations: list[Revocation]) -> None:
        await board.seed(self._ground, ended, revocations)

    # gateways

    async def join(self, gateway: GatewayId, node: str) -> None:
        await gateways.join(self._ground, gateway, node)

    async def renew(self, gateway: GatewayId) -> bool:
        return await gateways.renew(self._ground, gateway)

    async def adopt(self, gateway: GatewayId, held: list[Held]) -> Adopted:
        return await gateways.adopt(self._ground, gateway, held)

    async def leave(self, gateway: GatewayId) -> None:
        await gateways.leave(self._ground, gateway)
        self._watches.close(gateway)

    def watch(self, gateway: GatewayId) -> AsyncIterator[Notice]:
        return self._watches.watch(gateway)

    # views

    async def workers(self) -> list[WorkerView]:
        return await views.workers(self._ground)

    async def worker(self, worker: WorkerId) -> WorkerView | None:
        region = await self._workers.region(worker)
        return await views.worker(self._ground, region, worker) if region is not None else None

    async def session(self, session: SessionId) -> SessionView | EndRecord | None:
        return await views.session(self._ground, session) or await lives.record(self._ground, session)

    async def sessions(self) -> list[SessionView]:
        return await views.sessions(self._ground)

    async def pools(self) -> list[PoolView]:
        return await views.pools(self._ground)

    async def waiting(self) -> dict[tuple[str, str], int]:
        await self._ground.refresh_regions()
        return await views.waiting(self._ground)

    async def queue(self, session: SessionId) -> QueueView | None:
        return await views.queue(self._ground, session)

    async def revocations(self) -> list[Revocation]:
        return await views.revocations(self._ground)

    async def nodes(self) -> dict[GatewayId, str]:
        return await views.nodes(self._ground)

    async def gateways(self) -> list[GatewayView]:
        return await views.gateways(self._ground)

    # drains and roles

    async def put_drain(self, drain: DrainPlan) -> bool:
        return await board.put_drain(self._ground, drain)

    async def drop_drain(self, drain: str) -> None:
        await board.drop_drain(self._ground, drain)

    async def drains(self) -> list[DrainPlan]:
        return await board.drains(self._ground)

    async def move_away(self, of: WorkerId | GatewayId, most: int) -> int:
        region = await self._workers.region(WorkerId(of)) if of.startswith("wrk_") else None
        return await board.move_away(self._ground, region, of, most)

    async def cordon_gateway(self, gateway: GatewayId, *, is_cordoned: bool) -> Done | Refused:
        return await gateways.cordon(self._ground, gateway, is_cordoned=is_cordoned)

    async def lead(self, role: str, holder: str, seconds: float) -> bool:
        return await self._ground.run("lead", FLEET, [role, holder, seconds]) is True

    # keys

    async def set_token_keys(self, document: bytes) -> None:
        await self._ground.command(FLEET, "SET", ":tokenkeys", document)

    async def token_keys(self) -> bytes | None:
        found: bytes | None = await self._ground.command(FLEET, "GET", ":tokenkeys")
        return found

    async def set_join_keys(self, keys: list[JoinKey]) -> None:
        await board.set_join_keys(self._ground, keys)

    async def join_key(self, digest: str) -> JoinKey | None:
        return await board.join_key(self._ground, digest)

    # events

    async def events(self, consumer: str, limit: int, wait_seconds: float) -> list[Event]:
        return await self._events.read(consumer, limit, wait_seconds)

    async def acknowledge(self, consumer: str, events: list[Event]) -> None:
        await self._events.acknowledge(events)

    # time

    async def sweep(self) -> None:
        if monotonic() - self._looked_at >= LOOK_AT_CLOCK_EVERY:
            self._looked_at = monotonic()
            await self._ground.set_clock()
            await self._ground.refresh_regions()
        await sweeping.sweep(self._ground)
