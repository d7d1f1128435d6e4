"""Removal by pod-deletion-cost: name who goes, let the controller's copy settle, look again, lower, see who went.

The annotation is best effort: between the last look and the controller's choice a pod may turn unready, and unready goes
first. That is why it is looked at again before, and who went is looked at after. Where a pod that is still starting would go
before the named, the named are deleted exactly instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from autoscaler.io.kubernetes import by_exact
from autoscaler.io.kubernetes.grounds import Abandoned, Grounds, Outcome, together
from autoscaler.pods import COST, NAMED_COST, Pod, in_front


async def remove(grounds: Grounds, named: dict[str, Pod], was: int) -> Outcome | None:
    """None: somebody else moved the replicas. Raises Trouble and Abandoned."""
    pods = await grounds.active()
    if _others_first(pods, frozenset(named)):
        return await by_exact.remove(grounds, named, was)
    for pod in pods.values():
        if pod.uid not in named and pod.cost <= NAMED_COST:
            await grounds.patch(pod, {"annotations": {COST: None}})  # named for a removal that came to nothing
    metadata = {"annotations": {COST: str(NAMED_COST)}}
    await together(grounds.patch(pod, metadata) for pod in named.values() if pod.cost != NAMED_COST)
    await asyncio.sleep(grounds.settle_seconds)

    before = await grounds.active()
    uids = frozenset(uid for uid in named if uid in before)
    if not uids:
        raise Abandoned("the named pods have gone by themselves")
    renamed = [before[uid].name for uid in uids if before[uid].cost != NAMED_COST]
    if renamed:
        raise Abandoned(f"somebody else writes pod-deletion-cost of {renamed[0]}: choose removal = exact, or stop them")
    if others := in_front(before.values(), uids):
        raise Abandoned(f"{others[0].name} would go before the named: look again")
    grounds.check_ready(before)
    await grounds.permitted()
    lowered = await grounds.scale.write(was - len(uids), was=was)
    if lowered is None:
        return None
    found = await grounds.see(before, uids)
    return Outcome(await grounds.healed(lowered, found), found)


def _others_first(pods: Mapping[str, Pod], named: frozenset[str]) -> bool:
    """Whoever is not named and would go first although the named cost least: starting, failing or not ready."""
    marked = [replace(pod, cost=NAMED_COST) if uid in named else replace(pod, cost=0) for uid, pod in pods.items()]
    return bool(in_front(marked, named))
