"""What every way of removing pods works with: fresh lists, writes to single pods, lowering replicas and seeing who went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from autoscaler.casualties import Toll, toll
from autoscaler.io.kubernetes.api import Document
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pen import Pen
from autoscaler.io.kubernetes.reflector import PodReflector
from autoscaler.io.kubernetes.scale import Scale
from autoscaler.io.kubernetes.troubles import Refused, Trouble
from autoscaler.kinds import pods_path
from autoscaler.pods import Pod, pod_of

SETTLE_SECONDS = 2.0  # from naming a pod to lowering: the controller's copy of the pods is as old as that at most
VERIFY_SECONDS = 20.0  # from lowering to knowing who went
_DELETE_TRIES = 3  # a pod's version moves with its status
_log = structlog.get_logger("moorage.autoscaler")


class Abandoned(Exception):
    """The removal ends here, and nothing was lowered. The text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one removal that was carried out."""

    replicas: int
    toll: Toll


@dataclass(frozen=True)
class Grounds:
    """Of one target. `is_own` tells its pods from others with the same labels; `check` answers what forbids it now."""

    namespace: str
    scale: Scale
    pods: PodReflector
    pen: Pen
    metrics: KubernetesMetrics
    busy: Callable[[], frozenset[str]]
    is_own: Callable[[Pod], bool]
    check: Callable[[], Awaitable[str | None]]
    settle_seconds: float = SETTLE_SECONDS
    verify_seconds: float = VERIFY_SECONDS

    async def active(self) -> dict[str, Pod]:
        """The target's pods that count among its replicas, as the server has them now."""
        return {uid: pod for uid, pod in (await self.pods.read()).items() if self.is_own(pod) and pod.is_active}

    async def permitted(self) -> None:
        """Raises Abandoned where a rollout, a rival or a busy pod that is not ready forbids it now."""
        if why := await self.check():
            raise Abandoned(why)

    def check_ready(self, pods: Mapping[str, Pod]) -> None:
        """Raises Abandoned: a pod that carries sessions and is not ready would go before an empty one that is."""
        unready = [pod.name for uid, pod in pods.items() if uid in self.busy() and not pod.is_ready]
        if unready:
            raise Abandoned(f"{unready[0]} carries sessions and is not ready: it would go first")

    async def patch(self, pod: Pod, metadata: Document) -> Pod:
        """A merge patch of exactly this pod's metadata; a pod of the same name with another uid refuses it. Raises Trouble."""
        body = {"metadata": {"uid": pod.uid, **metadata}}
        return pod_of(await self.pen.patch(pods_path(self.namespace, pod.name), body, "pod"))

    async def delete(self, pod: Pod) -> bool:
        """Exactly this pod, as it was read. False: it is not there any more. Raises Trouble."""
        for _ in range(_DELETE_TRIES):
            preconditions = {"uid": pod.uid, "resourceVersion": pod.version}
            body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
            try:
                await self.pen.delete(pods_path(self.namespace, pod.name), body, "pod")
            except Refused as error:
                if error.is_absent:
                    return False
                if not error.is_conflict:
                    raise
                again = (await self.pods.read()).get(pod.uid)
                if again is None or not again.is_active:
                    return False
                pod = again
            else:
                return True
        raise Abandoned(f"{pod.name} changes faster than it can be deleted: try again")

    async def delete_all(self, pods: Iterable[Pod]) -> frozenset[str]:
        """At once; uids of those that were deleted. Raises Trouble or Abandoned where not one could be."""
        given = list(pods)
        answers = await asyncio.gather(*map(self.delete, given), return_exceptions=True)
        gone = frozenset(pod.uid for pod, answer in zip(given, answers, strict=True) if answer is True)
        if not gone:
            _raise_first(answers)
        return gone

    async def see(self, before: Mapping[str, Pod], named: frozenset[str], wanted: int | None = None) -> Toll:
        """Waits until it is known who went, or for `verify_seconds`. `wanted`: named ones were taken out first, and so many
        pods should be left; whoever came since is one too many."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.verify_seconds
        while True:
            after = {uid: pod for uid, pod in self.pods.pods.items() if uid in before or self.is_own(pod)}
            newcomers = frozenset(uid for uid, pod in after.items() if uid not in before and pod.is_active)
            found = toll(before, after, named, self.busy(), newcomers if wanted is not None else frozenset())
            active = sum(pod.is_active for pod in after.values())
            if found.is_settled and (wanted is None or active <= wanted):
                return found
            if loop.time() >= deadline:
                return found
            await self.pods.turn(min(1.0, deadline - loop.time()))

    async def healed(self, replicas: int, found: Toll) -> int:
        """Raises replicas by as many as were taken wrongly. Whoever moved them meanwhile has decided otherwise; where it
        cannot be written, the next look lacks workers and raises them."""
        if not found.wrong:
            return replicas
        self.metrics.wrong_victims.inc(len(found.wrong))
        try:
            more = await self.scale.write(replicas + len(found.wrong), was=replicas)
        except Trouble as error:
            _log.warning("wrong_victims_not_healed", lacking=len(found.wrong), detail=str(error))
            return replicas
        return replicas if more is None else more


def only(pods: Mapping[str, Pod], uids: Iterable[str]) -> dict[str, Pod]:
    """Those of `uids` that are there."""
    return {uid: pods[uid] for uid in uids if uid in pods}


async def together(writes: Iterable[Awaitable[object]]) -> None:
    """All of them, to their ends; then the first failure is raised."""
    _raise_first(await asyncio.gather(*writes, return_exceptions=True))


def _raise_first(answers: Iterable[object]) -> None:
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
