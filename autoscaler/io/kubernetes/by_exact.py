"""Removal by name: delete exactly these pods, by uid and resourceVersion, and only then lower replicas.

The controller starts replacements at once; they are pending when replicas fall, so they are what it takes back. In the other
order it would choose among all pods. They are deleted all at the same time, since a replacement that is ready before replicas
fall is a pod like any other: this mode is for pods that take longer to start than two calls. A process that dies in between
leaves replacements and no harm.
"""

from __future__ import annotations

from autoscaler.io.kubernetes.grounds import Abandoned, Grounds, Outcome, only
from autoscaler.pods import Pod


async def remove(grounds: Grounds, named: dict[str, Pod], was: int) -> Outcome | None:
    """None: somebody else moved the replicas. Raises Trouble and Abandoned."""
    await grounds.permitted()
    before = await grounds.active()
    grounds.check_ready(before)
    gone = await grounds.delete_all(only(before, named).values())
    if not gone:
        raise Abandoned("the named pods have gone by themselves")
    lowered = await grounds.scale.write(was - len(gone), was=was)
    if lowered is None:
        return None
    found = await grounds.see(before, gone, wanted=lowered)
    return Outcome(await grounds.healed(lowered, found), found)
