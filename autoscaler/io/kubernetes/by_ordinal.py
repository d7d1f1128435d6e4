"""Removal from a StatefulSet, which always takes its highest number: only a named pod that has it can go.

A named pod with another number is deleted, so that its set starts it again with the same name: it is empty and retired, and would
serve nobody where it is.
"""

from __future__ import annotations

from autoscaler.io.kubernetes.grounds import Abandoned, Grounds, Outcome, only
from autoscaler.pods import Pod


async def remove(grounds: Grounds, named: dict[str, Pod], was: int) -> Outcome | None:
    """None: somebody else moved the replicas. Raises Trouble and Abandoned."""
    await grounds.permitted()
    before = await grounds.active()
    there = only(before, named)
    top = _top(before, frozenset(there))
    if top:
        lowered = await grounds.scale.write(was - len(top), was=was)
        if lowered is None:
            return None
    for uid, pod in there.items():
        if uid not in top:
            await grounds.delete(pod)
    if not top:
        raise Abandoned("a StatefulSet loses its highest number first, and none of the named has it: they start again")
    found = await grounds.see(before, top)
    return Outcome(await grounds.healed(was - len(top), found), found)


def _top(pods: dict[str, Pod], named: frozenset[str]) -> frozenset[str]:
    """The named among the highest numbers without a gap."""
    taken = set()
    for pod in sorted(pods.values(), key=_ordinal, reverse=True):
        if pod.uid not in named:
            break
        taken.add(pod.uid)
    return frozenset(taken)


def _ordinal(pod: Pod) -> int:
    number = pod.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
