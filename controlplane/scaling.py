"""Rules of scale requests over REST: what one comes to, which are refused and why, and what will follow from it.

The autoscaler carries them out, by its own rules and in its own time; here is only what its last word on a pool lets say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from moorage import ids
from moorage.errors import Code, MoorageError, error_for
from moorage.ids import KeyId
from scheduler.values import PoolStatus, ScaleAction, ScaleRequest, WorkerState, WorkerView

Place = tuple[str, str]
"""Region and pool."""

LONGEST_SECONDS = 30 * 86_400.0  # that a request may hold
NAMED = 20  # places that a refusal lists at most
STANDSTILLS = (
    "target:",
    "missing:",
    "rival:",
)  # freezes, as a status names them, that may forbid to raise replicas too
_EMPTIED = frozenset({WorkerState.SERVING, WorkerState.CORDONED, WorkerState.SUSPECT})


@dataclass(frozen=True, slots=True)
class ScaleWish:
    """What an operator asks for."""

    action: ScaleAction
    region: str
    pool: str
    delta_workers: int | None = None  # of SCALE_UP and SCALE_DOWN
    workers: int | None = None  # of SET
    reason: str = ""
    ttl_seconds: float = 3600.0

    @property
    def place(self) -> Place:
        """Region and pool."""
        return self.region, self.pool

    def request(self, id_: str, workers: int, by: KeyId, now: float) -> ScaleRequest:
        """As the store keeps it."""
        return ScaleRequest(
            id=id_,
            action=self.action,
            region=self.region,
            pool=self.pool,
            workers=workers,
            delta_workers=self.delta_workers,
            reason=self.reason,
            by=by,
            created_at=now,
            expires_at=now + self.ttl_seconds,
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will happen, as far as it can be said: the autoscaler has more to go by than one request."""

    target: int
    to_start: int  # workers that are missing
    undrained: int  # of them those that a drain is ended for, at once
    removable_now: int  # workers beyond it that are empty
    to_drain: int  # and those that have sessions: they go when these have ended
    estimated_seconds: float | None  # until it is reached; None: nobody knows when sessions end, or a freeze does


def id_for(prefix: str, key: KeyId, name: str) -> str:
    """The id of what this API key asks under this idempotency key: the same one each time."""
    digest = sha256(f"scale {key} {name}".encode()).digest()
    return ids.make(prefix, 0.0, lambda count: digest[:count])


def present(status: PoolStatus) -> int:
    """How many workers there are now, those that start included; what is wanted where there is none yet."""
    return status.serving + status.starting or status.desired


def target_of(wish: ScaleWish, status: PoolStatus) -> int:
    """How many workers it comes to. More are counted from what is on its way already."""
    match wish.action:
        case ScaleAction.SCALE_UP:
            return max(present(status), status.desired) + (wish.delta_workers or 0)
        case ScaleAction.SCALE_DOWN:
            return present(status) - (wish.delta_workers or 0)
        case ScaleAction.SET:
            return wish.workers or 0
        case ScaleAction.HOLD | ScaleAction.RELEASE:
            return present(status)


def checked_target(wish: ScaleWish, status: PoolStatus | None, now: float) -> int:
    """Raises CONFLICT where nobody scales the pool, or its policy does not allow so many."""
    if status is None or now >= status.until:
        raise _nobody(wish.place)
    target = target_of(wish, status)
    if wish.action is ScaleAction.HOLD:
        return target
    if target > status.maximum:
        much = f"{target} workers are beyond the maximum of {status.maximum} of pool {wish.pool!r} in {wish.region!r}"
        raise error_for(Code.CONFLICT, f"{much}: ask for fewer, or raise the policy's maximum")
    if target < status.minimum:
        less = f"{target} workers are below the minimum of {status.minimum} of pool {wish.pool!r} in {wish.region!r}"
        raise error_for(Code.CONFLICT, f"{less}: ask for more, or lower the policy's minimum")
    return target


def check_place(place: Place, known: Iterable[Place]) -> None:
    """Raises UNPROCESSABLE naming those that are known."""
    region, pool = place
    places = set(known)
    regions = sorted({each for each, _ in places})
    if region not in regions:
        raise error_for(Code.UNPROCESSABLE, f"region: no region {region!r}; known: {_named(regions)}")
    if place not in places:
        pools = sorted(each for where, each in places if where == region)
        raise error_for(Code.UNPROCESSABLE, f"pool: no pool {pool!r} in {region!r}; known there: {_named(pools)}")


def only_region(pool: str, region: str | None, known: Iterable[Place]) -> str:
    """Where this pool is. Raises UNPROCESSABLE where it is nowhere, or in several and none is named."""
    places = list(known)
    if region is not None:
        check_place((region, pool), places)
        return region
    regions = sorted({where for where, each in places if each == pool})
    if not regions:
        raise error_for(Code.UNPROCESSABLE, f"pool: no pool {pool!r}; known: {_named(sorted({p for _, p in places}))}")
    if len(regions) > 1:
        raise error_for(Code.UNPROCESSABLE, f"region: pool {pool!r} is in {_named(regions)}; name one")
    return regions[0]


def is_same(known: ScaleRequest, wish: ScaleWish) -> bool:
    """Whether the request is what was asked for; `workers` only where the wish says how many."""
    asked = wish.request(known.id, known.workers, KeyId(known.by), known.created_at)
    is_number_same = wish.workers is None or wish.workers == known.workers
    return (
        is_number_same
        and abs(asked.expires_at - known.expires_at) < 1.0
        and asked.reason == known.reason
        and (
            (asked.action, asked.region, asked.pool, asked.delta_workers)
            == (known.action, known.region, known.pool, known.delta_workers)
        )
    )


def outlook(request: ScaleRequest, status: PoolStatus, workers: Iterable[WorkerView]) -> Outlook:
    """From its floor and its ceiling, and who is empty now."""
    here = status.serving + status.starting
    to_start = max(0, request.workers - here) if request.floor is not None else 0
    too_many = max(0, here - request.workers) if request.ceiling is not None else 0
    empty = sum(is_removable(worker, (status.region, status.pool)) for worker in workers)
    removable = min(too_many, empty)
    undrained = min(to_start, status.draining)
    seconds: float | None = status.lead_seconds if to_start > undrained else 0.0
    if too_many > removable or (too_many and status.frozen):
        seconds = None
    if to_start > undrained and any(each.startswith(STANDSTILLS) for each in status.frozen):
        seconds = None
    return Outlook(request.workers, to_start, undrained, removable, too_many - removable, seconds)


def is_removable(worker: WorkerView, place: Place) -> bool:
    """Whether nobody would notice that it is gone."""
    return (worker.region, worker.pool) == place and worker.state in _EMPTIED and worker.used == 0


def _nobody(place: Place) -> MoorageError:
    region, pool = place
    what = f"nobody scales pool {pool!r} in region {region!r}"
    todo = "start `moorage autoscaler` with a policy for it; `moorage autoscaler check` shows what a file of policies comes to"
    return error_for(Code.CONFLICT, f"{what}: {todo}")


def _named(names: list[str]) -> str:
    if not names:
        return "none, since no worker has registered and no autoscaler runs"
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
