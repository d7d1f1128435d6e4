"""Removal by detaching: take the pods out of their ReplicaSet by its label, lower replicas, then delete them.

Until replicas are lowered every step can be taken back: a detached pod that gets its label again is adopted again.
"""

from __future__ import annotations

from autoscaler.io.kubernetes.grounds import Abandoned, Grounds, Outcome, only, together
from autoscaler.pods import DETACHED, TEMPLATE_HASH, Pod


async def remove(grounds: Grounds, named: dict[str, Pod], was: int) -> Outcome | None:
    """None: somebody else moved the replicas. Raises Trouble and Abandoned."""
    await grounds.permitted()
    before = await grounds.active()
    grounds.check_ready(before)
    hashes = {uid: pod.template_hash for uid, pod in only(before, named).items()}
    if not hashes:
        raise Abandoned("the named pods have gone by themselves")
    bare = [before[uid].name for uid, value in hashes.items() if value is None]
    if bare:
        raise Abandoned(f"{bare[0]} has no label {TEMPLATE_HASH}: detach is for Deployments, choose removal = exact")
    labels = {TEMPLATE_HASH: None, DETACHED: "true"}
    await together(grounds.patch(before[uid], {"labels": labels}) for uid in hashes)
    lowered = await grounds.scale.write(was - len(hashes), was=was)
    if lowered is None:
        back = {uid: {"labels": {TEMPLATE_HASH: value, DETACHED: None}} for uid, value in hashes.items()}
        await together(grounds.patch(before[uid], metadata) for uid, metadata in back.items())
        return None
    await grounds.delete_all(only(await grounds.pods.read(), hashes).values())
    found = await grounds.see(before, frozenset(hashes), wanted=lowered)
    return Outcome(await grounds.healed(lowered, found), found)


async def sweep(grounds: Grounds) -> None:
    """Deletes what a process that died in the middle has left detached. Raises Trouble."""
    for pod in list(grounds.pods.pods.values()):
        if pod.is_detached and pod.is_active and pod.owner is None:
            await grounds.delete(pod)
