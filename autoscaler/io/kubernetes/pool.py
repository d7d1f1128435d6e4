"""One pool's target in Kubernetes: autoscaler.io.target.Target for anything with a /scale.

It says what is there and does what it is told; which worker goes, and whether, is not known here. Every write passes
through the pen, which asks for leadership; replicas are only ever swapped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from autoscaler import rights, workloads
from autoscaler.decision import Frozen, Removal
from autoscaler.io.kubernetes import by_cost, by_detach, by_exact, by_ordinal
from autoscaler.io.kubernetes.announcing import Announcer
from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.grounds import SETTLE_SECONDS, VERIFY_SECONDS, Abandoned, Grounds, Outcome, only
from autoscaler.io.kubernetes.guarding import Guard
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pen import Pen
from autoscaler.io.kubernetes.reflector import PodReflector
from autoscaler.io.kubernetes.reviewing import Review, Reviewer
from autoscaler.io.kubernetes.scale import Scale
from autoscaler.io.kubernetes.survey import Survey
from autoscaler.io.kubernetes.troubles import Refused, Trouble
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.kinds import kind_of, object_path, pods_path
from autoscaler.observation import Freeze, Problem, TargetSeen
from autoscaler.pods import Pod, member_of
from autoscaler.policy import KubernetesTarget, RemovalMode

FIRST_LIST_SECONDS = 3.0  # a first look waits so long for the pods
WRONG_VICTIM_SECONDS = 600.0
_ROUTINE = frozenset({Freeze.SETTLING, Freeze.REQUEST})  # nothing is wrong
_READS = (("get", "scale"), ("list", "pods"), ("watch", "pods"))
_MODES = {RemovalMode.COST: by_cost.remove, RemovalMode.EXACT: by_exact.remove, RemovalMode.DETACH: by_detach.remove}
_log = structlog.get_logger("moorage.autoscaler")


class KubernetesPool:
    """Shares `api` with other pools; `leads` is asked before each write."""

    def __init__(
        self,
        api: Api,
        target: KubernetesTarget,
        metrics: KubernetesMetrics,
        leads: Callable[[], bool],
        *,
        settle_seconds: float = SETTLE_SECONDS,
        verify_seconds: float = VERIFY_SECONDS,
    ) -> None:
        self._api = api
        self._target = target
        self._metrics = metrics
        self._kind = kind_of(target.kind)
        self._pen = Pen(api, leads, metrics)
        self._scale = Scale(api, self._pen, object_path(self._kind, target))
        self._survey = Survey(api, target, self._scale)
        self._reviewer = Reviewer(api, target.namespace, target.name, rights.needed(self._kind))
        self._announcer = Announcer(self._pen, metrics, target.namespace)
        self._guard = Guard()
        self._settle_seconds = settle_seconds
        self._verify_seconds = verify_seconds
        self._reflector: PodReflector | None = None
        self._moved = asyncio.Event()
        self._removing = asyncio.Lock()
        self._wrong_until = float("-inf")
        self._wrong = ""
        self._announced: frozenset[Freeze] = frozenset()

    async def look(self) -> TargetSeen | None:
        """None: the API server does not answer, or the pods are not known well enough."""
        try:
            review = await self._reviewer.review()
            lacks = self._lacks(review)
            if any((right.verb, right.subresource or right.resource) in _READS for right in review.missing):
                return self._blind(lacks)
            seen = await self._survey.take(review.missing)
        except Refused as error:
            return self._refused(error)
        except Trouble as error:
            _log.info("target_not_read", target=self._target.name, detail=str(error))
            return None
        if not seen.scale.selector:  # it would match every pod of the namespace
            return self._blind([workloads.without_pods(self._target.kind, self._target.name)])
        reflector = await self._pods(seen.scale.selector)
        if not reflector.is_fresh:
            return None
        pods = [pod for pod in reflector.pods.values() if self._survey.is_own(pod) and not pod.is_over]
        problems = (*lacks, *seen.problems, *self._own_problems(pods))
        return TargetSeen(seen.scale.replicas, tuple(map(member_of, pods)), problems)

    async def raise_to(self, replicas: int, *, was: int) -> Written | Lost | Failed:
        """One compare-and-swap."""
        try:
            now = await self._scale.write(replicas, was=was)
        except Trouble as error:
            return self._failure(error)
        if now is None:
            return Lost(f"{self._target.name} no longer asks for {was} replicas")
        self._say("Scaled", f"Raised replicas from {was} to {now}.")
        return Written(now)

    async def remove(self, victims: Sequence[Removal], *, was: int) -> Written | Lost | Failed:
        """Takes seconds: naming settles, and who went is seen."""
        try:
            async with self._removing:
                outcome = await self._removed([each.member for each in victims], was)
        except Abandoned as error:
            return Failed(str(error))
        except Trouble as error:
            return self._failure(error)
        if outcome is None:
            return Lost(f"{self._target.name} no longer asks for {was} replicas")
        removed = tuple(each for each in victims if each.member in outcome.toll.named)
        self._record(outcome, len(removed), len(victims), was)
        return Written(outcome.replicas, removed)

    async def protect(self, busy: Sequence[str], idle: Sequence[str]) -> None:
        """Best effort: what could not be written is tried at the next call."""
        self._guard.hear(busy, idle)
        grounds = self._grounds()
        if grounds is None or not grounds.pods.is_fresh:
            return
        try:
            await self._guard.protect(grounds)
            async with self._removing:
                await by_detach.sweep(grounds)
        except (Trouble, Abandoned) as error:
            _log.info("protection_not_written", target=self._target.name, detail=str(error))

    def announce(self, frozen: Sequence[Frozen]) -> None:
        """An Event for each freeze that begins."""
        for each in frozen:
            if each.freeze not in self._announced:
                reason = "Frozen" + "".join(map(str.capitalize, each.freeze.value.split("_")))
                self._say(reason, each.detail, is_warning=each.freeze not in _ROUTINE)
        self._announced = frozenset(each.freeze for each in frozen)

    async def run(self) -> None:
        """Watches the pods and writes events, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._announcer.run())
            tasks.create_task(self._watch())

    async def close(self) -> None:
        """Nothing of its own is open: the API's connections are shared."""

    async def _watch(self) -> None:
        """Of two copies for two selectors the newer one is kept up to date."""
        while True:
            self._moved.clear()
            reflector = self._reflector
            async with asyncio.TaskGroup() as tasks:
                watching = None if reflector is None else tasks.create_task(reflector.run())
                await self._moved.wait()
                if watching is not None:
                    watching.cancel()

    async def _pods(self, selector: str) -> PodReflector:
        """The copy for this selector, once it has a first list or the wait for it is over."""
        reflector = self._reflector
        if reflector is None or reflector.selector != selector:
            path = pods_path(self._target.namespace)
            reflector = self._reflector = PodReflector(
                self._api, self._metrics, path=path, selector=selector, on_change=self._note_start
            )
            self._moved.set()
            await reflector.turn(FIRST_LIST_SECONDS)
        return reflector

    def _grounds(self) -> Grounds | None:
        if self._reflector is None:
            return None
        return Grounds(
            namespace=self._target.namespace,
            scale=self._scale,
            pods=self._reflector,
            pen=self._pen,
            metrics=self._metrics,
            busy=lambda: self._guard.busy,
            is_own=self._survey.is_own,
            check=self._forbidden,
            settle_seconds=self._settle_seconds,
            verify_seconds=self._verify_seconds,
        )

    async def _forbidden(self) -> str | None:
        """What would forbid lowering now, read anew right before it."""
        review = await self._reviewer.review()
        seen = await self._survey.take(review.missing, rivals_now=True)
        problems = (*seen.problems, *self._lacks(review))
        return next((problem.detail for problem in problems if problem.blocks_down), None)

    def _lacks(self, review: Review) -> list[Problem]:
        return [rights.problem(right, self._target.namespace) for right in review.wanted]

    async def _removed(self, members: list[str], was: int) -> Outcome | None:
        grounds = self._grounds()
        if grounds is None or not grounds.pods.is_fresh:
            raise Abandoned("the pods are not known well enough")
        named: dict[str, Pod] = only(await grounds.active(), members)
        if not named:
            raise Abandoned("none of the named pods is there any more")
        if set(named) & self._guard.busy:
            raise Abandoned("a named pod carries sessions")
        mode = by_ordinal.remove if self._kind.is_stateful_set else _MODES[self._target.removal]
        return await mode(grounds, named, was)

    def _record(self, outcome: Outcome, removed: int, named: int, was: int) -> None:
        mode = "ordinal" if self._kind.is_stateful_set else self._target.removal.value
        self._metrics.removals.labels(mode, "removed").inc(removed)
        self._metrics.removals.labels(mode, "left").inc(named - removed)
        self._say("Scaled", f"Lowered replicas from {was} to {outcome.replicas}: {removed} of {named} named pods went.")
        if wrong := len(outcome.toll.wrong):
            self._wrong_until = asyncio.get_running_loop().time() + WRONG_VICTIM_SECONDS
            self._wrong = (
                f"{wrong} pods of {self._target.name} went instead of the named; replicas were raised again."
                " Choose removal = exact if this comes back"
            )

    def _own_problems(self, pods: Sequence[Pod]) -> list[Problem]:
        found = []
        unready = [pod.name for pod in pods if pod.uid in self._guard.busy and pod.is_active and not pod.is_ready]
        if unready:
            detail = f"{unready[0]} carries sessions and is not ready, so it would be removed first: see why it is not"
            found.append(Problem(Freeze.NOT_READY, detail))
        if asyncio.get_running_loop().time() < self._wrong_until:
            found.append(Problem(Freeze.WRONG_VICTIM, self._wrong))
        return found

    def _blind(self, problems: list[Problem]) -> TargetSeen:
        """Replicas as last read: nothing may be written in either direction."""
        last = self._survey.last
        return TargetSeen(last.scale.replicas if last else 0, (), tuple(problems))

    def _refused(self, error: Refused) -> TargetSeen | None:
        target = self._target
        if error.is_absent:
            return self._blind([workloads.missing(target.kind, target.namespace, target.name)])
        if error.is_forbidden:
            self._reviewer.doubt()
            return self._blind([Problem(Freeze.TARGET, f"the API server refuses: {error.message}", blocks_up=True)])
        _log.info("target_not_read", target=target.name, detail=str(error))
        return None

    def _failure(self, error: Trouble) -> Failed | Lost:
        if isinstance(error, Refused) and error.is_forbidden:
            self._reviewer.doubt()
        if isinstance(error, Refused) and error.is_conflict:
            return Lost(f"somebody else changed a pod of {self._target.name}: {error.message}")
        return Failed(str(error), error.retry_after)

    def _say(self, reason: str, note: str, *, is_warning: bool = False) -> None:
        if self._survey.last is not None:
            self._announcer.say(self._survey.last.workload, reason, note, is_warning=is_warning)

    def _note_start(self, before: Pod | None, after: Pod | None) -> None:
        """A pod that was seen starting is ready: how long did it take?"""
        if before is None or after is None or before.is_started or not after.is_ready or after.ready_at is None:
            return
        self._metrics.pod_ready_seconds.observe(max(0.0, after.ready_at - after.created_at))
