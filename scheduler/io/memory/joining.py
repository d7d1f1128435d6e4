"""A worker registers: for the first time, or again with the id and the key it had. What it says of itself is checked,
what it says of sessions is only believed where the store knows better nothing else: it can lose claims, never make any;
after a loss of data it keeps slots for them until their gateways speak.
"""

from __future__ import annotations

from hmac import compare_digest

from moorage import ids
from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.io.memory.adopting import drop_orphans, is_young, open_window
from scheduler.io.memory.duties import give_room, stand
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.leases import count_silent, watch_lease
from scheduler.io.memory.log import Data
from scheduler.io.memory.records import Worker
from scheduler.io.memory.witness import reconcile
from scheduler.registrations import CLAIM_KEY_BYTES, flaw
from scheduler.values import Directive, Order, Refused, Registered, Registration, WorkerState
from scheduler.workers import Change, Health, health_after


def register(fleet: Fleet, registration: Registration, now: float) -> Registered | Refused:
    """A place in the fleet, or why not."""
    wrong = flaw(registration)
    if wrong is not None:
        return Refused(Code.UNPROCESSABLE, wrong)
    known = fleet.workers.get(registration.again) if registration.again is not None else None
    if known is None:
        left = _left_behind(fleet, registration)
        if left is not None and registration.slots < left.used:
            return _too_few_slots(left.used, registration)
        worker = _admit(fleet, registration, now)
        if left is not None:
            _inherit(worker, left)
        if worker.id == registration.again and registration.sessions and is_young(fleet, now):
            open_window(fleet, worker.region, now)
    else:
        refused = _doubt_return(known, registration)
        if refused is not None:
            return refused
        worker = _take_back(fleet, known, registration, now)
    watch_lease(fleet, worker, now)
    stand(fleet, worker, now)
    reconcile(fleet, worker, registration.sessions, now)
    give_room(fleet, worker, now)
    return Registered(worker.id, worker.claim_key, fleet.epoch, worker.state, fleet.policy.worker_lost_after)


def _admit(fleet: Fleet, registration: Registration, now: float) -> Worker:
    id_, key = _kept_identity(registration) or (WorkerId(ids.make("wrk", now, fleet.draw)), fleet.draw(CLAIM_KEY_BYTES))
    worker = Worker(id_, key, registration, now)
    fleet.workers[worker.id] = worker
    fleet.region_workers[worker.region] = fleet.region_workers.get(worker.region, 0) + 1
    fleet.log.append(("worker.joined", now, None, worker.id, 0, None, _data(worker)))
    return worker


def _kept_identity(registration: Registration) -> tuple[WorkerId, bytes] | None:
    """Of a worker that the store forgot: clients are on their way to it with claims that this key signed."""
    again, key = registration.again, registration.claim_key
    if again is None or key is None or len(key) != CLAIM_KEY_BYTES or not ids.is_id("wrk", again):
        return None
    return again, key


def _doubt_return(worker: Worker, registration: Registration) -> Refused | None:
    if registration.claim_key is None or not compare_digest(worker.claim_key, registration.claim_key):
        return Refused(Code.PERMISSION_DENIED, "the key is not the one this worker got; register without `again`")
    if (worker.region, worker.pool) != (registration.region, registration.pool):
        return Refused(Code.CONFLICT, "a worker keeps its region and pool; register without `again`")
    used = worker.used - len(worker.orphans)
    if registration.slots < used:
        return _too_few_slots(used, registration)
    return None


def _too_few_slots(used: int, registration: Registration) -> Refused:
    return Refused(Code.CONFLICT, f"it has {used} sessions, more than {registration.slots} slots")


def _left_behind(fleet: Fleet, registration: Registration) -> Worker | None:
    """What a worker that was removed left: sessions that have not gone elsewhere yet. A scan, for a rare return."""
    if _kept_identity(registration) is None:
        return None
    return next((one.worker for one in fleet.sessions.values() if one.worker.id == registration.again), None)


def _inherit(worker: Worker, left: Worker) -> None:
    """They have slots on it as before, as if it had been lost."""
    worker.sessions, left.sessions = left.sessions, {}
    worker.used, worker.held, worker.suspended = left.used, left.held, left.suspended
    for session in worker.sessions:
        session.worker = worker


def _take_back(fleet: Fleet, worker: Worker, registration: Registration, now: float) -> Worker:
    """The same worker over a new link: its duty stays, its health is good again."""
    was_lost = worker.health is Health.LOST
    worker.health = health_after(worker.health, Change.REGISTER)
    count_silent(fleet, worker, is_silent=False)
    drop_orphans(fleet, worker)
    fleet.index.remove(worker)  # slots and labels may differ; `settle` adds it again
    worker.slots, worker.labels = registration.slots, registration.labels
    worker.name, worker.address, worker.version = registration.name, registration.address, registration.version
    worker.kubernetes, worker.link = registration.kubernetes, registration.gateway
    worker.is_ready = not registration.is_starting
    if worker.duty is WorkerState.STARTING and worker.is_ready:
        worker.duty = WorkerState.SERVING
    worker.beat_at = now
    worker.seq, worker.delivered = -1, ()
    worker.directives.clear()
    worker.complaints = {}
    if was_lost:
        fleet.region_workers[worker.region] += 1
        fleet.log.append(("worker.returned", now, None, worker.id, 0, None, _data(worker)))
    _remind(fleet, worker)
    return worker


def _remind(fleet: Fleet, worker: Worker) -> None:
    """Of its duty, which it may have forgotten."""
    if worker.duty is WorkerState.CORDONED:
        fleet.direct(worker, Directive(Order.CORDON))
    elif worker.duty is WorkerState.RETIRED:
        fleet.direct(worker, Directive(Order.SHUTDOWN))
    elif worker.draining is not None:
        fleet.direct(worker, Directive(Order.DRAIN, deadline=worker.draining.drain.deadline))


def _data(worker: Worker) -> Data:
    return {"name": worker.name, "region": worker.region, "pool": worker.pool, "slots": worker.slots}
