"""Silence of workers: suspect, then lost. Where most of a region falls silent together, the link is doubted first."""

from __future__ import annotations

from moorage.ids import GatewayId, SessionId
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.lives import suspend
from scheduler.io.memory.records import Worker
from scheduler.values import ClaimState, WorkerLost
from scheduler.workers import Change, Health, health_after


def watch_lease(fleet: Fleet, worker: Worker, now: float) -> None:
    """Looks again when the lease could next tell something new."""
    policy = fleet.policy
    wait = policy.worker_lost_after if worker.is_silent else policy.suspect_after
    fleet.leases.set(worker, worker.beat_at + wait, now)


def doubt_silent(fleet: Fleet, worker: Worker, now: float) -> None:
    """Suspect after SUSPECT_AFTER without a beat; counted in its region before anyone is given up."""
    if worker.health is not Health.LOST and now - worker.beat_at >= fleet.policy.suspect_after:
        worker.health = health_after(worker.health, Change.DOUBT)
        count_silent(fleet, worker, is_silent=True)
        fleet.index.close(worker)


def is_given_up(fleet: Fleet, worker: Worker, now: float) -> bool:
    """Silent for WORKER_LOST_AFTER; for twice that where over half of a region's workers are silent."""
    silence = now - worker.beat_at
    if worker.health is Health.LOST or silence < fleet.policy.worker_lost_after:
        return False
    workers = fleet.region_workers[worker.region]
    is_mass = workers >= fleet.policy.mass_lapse_workers and fleet.region_silent[worker.region] * 2 > workers
    return not is_mass or silence >= 2 * fleet.policy.worker_lost_after


def lose(fleet: Fleet, worker: Worker, now: float) -> None:
    """Its sessions are suspended and their gateways told; it may come back by registering."""
    worker.health = health_after(worker.health, Change.LAPSE)
    count_silent(fleet, worker, is_silent=False)
    fleet.region_workers[worker.region] -= 1
    fleet.log.append(("worker.lost", now, None, worker.id, 0, None, {"region": worker.region, "pool": worker.pool}))
    release_sessions(fleet, worker, now)


def release_sessions(fleet: Fleet, worker: Worker, now: float) -> None:
    """Suspends what a worker holds and tells the gateways that relay to it."""
    gateways: dict[GatewayId, None] = {}
    for session in worker.sessions:
        if session.state is not ClaimState.SUSPENDED:
            gateways[session.gateway] = None
        if session.state is ClaimState.HELD:
            suspend(fleet, session, now, is_lost=True)
    for gateway in gateways:
        fleet.mail.put(gateway, WorkerLost(worker.id))


def complain(fleet: Fleet, worker: Worker, session: SessionId, now: float) -> None:
    """A session could not reach it; three different ones within a minute make it suspect."""
    policy = fleet.policy
    fresh = {who: at for who, at in worker.complaints.items() if at > now - policy.complaint_seconds}
    fresh[session] = now
    worker.complaints = fresh
    if len(fresh) >= policy.complaints and worker.health is not Health.LOST:
        worker.health = health_after(worker.health, Change.DOUBT)
        worker.complained_at = now
        worker.complaints = {}
        fleet.index.close(worker)


def recover(fleet: Fleet, worker: Worker, now: float) -> bool:
    """A heartbeat came: whether the worker is heard well again. Sessions' complaints stand for `suspicion_seconds`."""
    worker.beat_at = now
    count_silent(fleet, worker, is_silent=False)
    if worker.health is Health.ALIVE or now < worker.complained_at + fleet.policy.suspicion_seconds:
        return False
    worker.health = health_after(worker.health, Change.BEAT)
    return True


def count_silent(fleet: Fleet, worker: Worker, *, is_silent: bool) -> None:
    """Keeps the region's count of silent workers."""
    if worker.is_silent is not is_silent:
        worker.is_silent = is_silent
        fleet.region_silent[worker.region] = fleet.region_silent.get(worker.region, 0) + (1 if is_silent else -1)
