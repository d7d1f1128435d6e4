"""What operators and the worker itself decide about a worker: ready, cordon, drain, retire, remove."""

from __future__ import annotations

from math import isfinite

from moorage.errors import Code
from moorage.ids import WorkerId
from scheduler.io.memory.endings import dismiss
from scheduler.io.memory.fleet import Fleet
from scheduler.io.memory.leases import count_silent, release_sessions
from scheduler.io.memory.records import Draining, Worker
from scheduler.io.memory.slots import grant, grant_own
from scheduler.values import Direct, Directive, Done, Drain, Order, Refused, WorkerState
from scheduler.workers import Change, Health, NoSuchChange, duty_after

_ORDERS = {Change.CORDON: Order.CORDON, Change.UNCORDON: Order.UNCORDON, Change.RETIRE: Order.SHUTDOWN}


def change_duty(fleet: Fleet, worker_id: WorkerId, change: Change, now: float) -> Done | Refused:
    """Cordon, uncordon or ready, as the table allows."""
    worker = fleet.workers.get(worker_id)
    if worker is None:
        return unknown(worker_id)
    refused = _walk(worker, change)
    if refused is not None:
        return refused
    if change is Change.READY:
        worker.is_ready = True
    elif change in _ORDERS:
        fleet.direct(worker, Directive(_ORDERS[change]))
    settle(fleet, worker, now)
    return Done()


def drain(fleet: Fleet, worker_id: WorkerId, wish: Drain, now: float) -> Done | Refused:
    """Cordon, with a deadline and a rate. Again: the newer deadline and rate hold."""
    if not isfinite(wish.deadline) or not 0 < wish.rate_per_second < float("inf"):
        return Refused(Code.UNPROCESSABLE, "a drain needs a finite deadline and a rate above 0 per second")
    worker = fleet.workers.get(worker_id)
    if worker is None:
        return unknown(worker_id)
    refused = _walk(worker, Change.DRAIN)
    if refused is not None:
        return refused
    worker.draining = Draining(wish, now, worker.used)
    fleet.direct(worker, Directive(Order.DRAIN, deadline=wish.deadline))
    settle(fleet, worker, now)
    return Done()


def pass_on(fleet: Fleet, worker_id: WorkerId, directive: Directive) -> bool:
    """Over the worker's link, now or never; without one, with the answer to its next heartbeat."""
    worker = fleet.workers.get(worker_id)
    if worker is None:
        return False
    if worker.link is None:
        if len(worker.directives) >= fleet.policy.directives_per_worker:
            return False
        worker.directives.append(directive)
        return True
    if not fleet.mail.is_watching(worker.link):
        return False
    fleet.mail.put(worker.link, Direct(worker_id, directive))
    return True


def retire(fleet: Fleet, worker_id: WorkerId, now: float) -> Done | Refused:
    """Only when nothing is on it; in the same step nothing can come any more."""
    worker = fleet.workers.get(worker_id)
    if worker is None:
        return unknown(worker_id)
    if worker.used:
        return Refused(Code.CONFLICT, f"the worker has {worker.used} sessions; drain it first")
    return change_duty(fleet, worker_id, Change.RETIRE, now)


def remove(fleet: Fleet, worker_id: WorkerId, now: float) -> Done | Refused:
    """Forgets it; its sessions are suspended as if it were lost."""
    worker = fleet.workers.pop(worker_id, None)
    if worker is None:
        return unknown(worker_id)
    if worker.health is not Health.LOST:
        count_silent(fleet, worker, is_silent=False)
        fleet.region_workers[worker.region] -= 1
        release_sessions(fleet, worker, now)
    fleet.leases.drop(worker)
    fleet.index.remove(worker)
    fleet.log.append(("worker.removed", now, None, worker.id, 0, None, {"region": worker.region, "pool": worker.pool}))
    refuse_stranded(fleet, now)
    return Done()


def settle(fleet: Fleet, worker: Worker, now: float) -> None:
    """After any change of duty or health: the index agrees, and room goes to those who wait."""
    stand(fleet, worker, now)
    give_room(fleet, worker, now)


def stand(fleet: Fleet, worker: Worker, now: float) -> None:
    """The index agrees with its duty and health; nobody gets its room yet."""
    if worker.draining is not None and worker.duty is not WorkerState.DRAINING:
        worker.draining = None
    if not worker.is_matchable:
        fleet.index.remove(worker)
        refuse_stranded(fleet, now)
        return
    if worker.group is None:
        fleet.index.add(worker)
    if not worker.should_be_open or worker.region in fleet.adopting:
        fleet.index.close(worker)
        return
    fleet.index.open(worker)


def give_room(fleet: Fleet, worker: Worker, now: float) -> None:
    """To those who wait, if it may have new ones: first to sessions that have their slots here."""
    if worker.is_open:
        grant_own(fleet, worker, now)
        grant(fleet, worker, now)


def refuse_stranded(fleet: Fleet, now: float) -> None:
    """Waiters whom no worker can serve any more hear it at once."""
    if len(fleet.queue):
        refused = Refused(Code.NO_CAPACITY, "the last matching worker is gone", fleet.policy.full_retry_seconds)
        for waiter in fleet.queue.stranded(lambda plan: fleet.has_hope(plan, now)):
            dismiss(fleet, waiter, refused, now)


def unknown(worker_id: WorkerId) -> Refused:
    """No such worker, or no longer."""
    return Refused(Code.WORKER_NOT_FOUND, f"no worker {worker_id}; it may have to register again")


def _walk(worker: Worker, change: Change) -> Refused | None:
    try:
        worker.duty = duty_after(worker.duty, change)
    except NoSuchChange as error:
        return Refused(Code.CONFLICT, str(error))
    return None
