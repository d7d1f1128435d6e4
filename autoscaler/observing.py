"""What the registry and a target say, put together into one Observation of a pool.

The one question decided here: which worker is which member of the target. A worker says of itself which pod or process it
is, by an id that is never used twice; where that is not certain it is none, and then nobody removes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.observation import Observation, Sample, TargetSeen, WorkerSeen
from autoscaler.policy import PoolPolicy
from scheduler.values import ScaleRequest, WorkerState, WorkerView

_OVER = frozenset({WorkerState.LOST, WorkerState.RETIRED})

Place = tuple[str, str]
"""Region and pool."""


@dataclass(frozen=True, slots=True)
class RegistrySeen:
    """The store at one moment."""

    at: float
    workers: Mapping[Place, Sequence[WorkerView]]
    waiting: Mapping[Place, int]
    requests: Mapping[Place, Sequence[ScaleRequest]]


def registry_seen(
    at: float, workers: Iterable[WorkerView], waiting: Mapping[Place, int], requests: Iterable[ScaleRequest]
) -> RegistrySeen:
    """By place."""
    by_place: dict[Place, list[WorkerView]] = {}
    for worker in workers:
        by_place.setdefault((worker.region, worker.pool), []).append(worker)
    wishes: dict[Place, list[ScaleRequest]] = {}
    for request in requests:
        wishes.setdefault((request.region, request.pool), []).append(request)
    return RegistrySeen(at, by_place, waiting, wishes)


def observation(
    policy: PoolPolicy,
    registry: RegistrySeen | None,
    target: TargetSeen | None,
    samples: Mapping[str, Sample],
    now: float,
) -> Observation:
    """None stays None: what could not be read is not empty. A registry that cannot be read forgets its requests too."""
    if registry is None:
        return Observation(policy.region, policy.pool, None, 0, target, samples)
    place = (policy.region, policy.pool)
    requests = tuple(each for each in registry.requests.get(place, ()) if each.expires_at > now)
    workers = workers_seen(registry.workers.get(place, ()), target)
    return Observation(*place, workers, registry.waiting.get(place, 0), target, samples, requests)


def workers_seen(views: Sequence[WorkerView], target: TargetSeen | None) -> tuple[WorkerSeen, ...]:
    """Each with the member that it is. Of those that claim the same member one is it: the one that is not lost or retired,
    or else the newest; where two live ones claim it, none is.

    While the target cannot be read a claim stands as it is: nothing is removed then.
    """
    known = None if target is None else {member.member for member in target.members}
    live = Counter(_claim(view) for view in views if view.state not in _OVER)
    newest = {_claim(view): view.worker for view in sorted(views, key=lambda view: view.joined_at)}

    def member_of(view: WorkerView) -> str | None:
        claim = _claim(view)
        if claim is None or (known is not None and claim not in known) or live[claim] > 1:
            return None
        is_it = newest[claim] == view.worker if live[claim] == 0 else view.state not in _OVER
        return claim if is_it else None

    return tuple(
        WorkerSeen(view.worker, view.state, view.slots, view.used, view.joined_at, member_of(view), view.came)
        for view in views
    )


def _claim(view: WorkerView) -> str | None:
    return view.kubernetes.uid if view.kubernetes is not None else None
