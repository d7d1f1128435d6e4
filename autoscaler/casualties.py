"""Who died when replicas were lowered: the named, somebody else, or a pod that was only starting.

Pure: pods before and after go in. It does not lower anything and does not know how pods were named.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from autoscaler.pods import Pod


@dataclass(frozen=True, slots=True)
class Toll:
    """Of one removal; all are uids."""

    named: frozenset[str]  # named and gone, or going
    starting: frozenset[str]  # gone in their stead, and no loss
    wrong: frozenset[str]  # gone in their stead: they may have carried sessions
    spared: frozenset[str]  # should have gone: named, or come as a replacement of one, and still there

    @property
    def is_settled(self) -> bool:
        """Nobody else can go any more for these replicas."""
        return len(self.spared) <= len(self.starting) + len(self.wrong)


def toll(
    before: Mapping[str, Pod],
    after: Mapping[str, Pod],
    named: Set[str],
    busy: Set[str],
    newcomers: Set[str] = frozenset(),
) -> Toll:
    """`before`: active pods when replicas were lowered by len(named). `after`: pods now, by uid. `newcomers`: that came in the
    place of named ones which were taken out first.

    A ReplicaSet removes as many as are too many. So where all who should go are gone, whoever else is gone went for another
    reason; where k of them are spared, at most k others went in their stead. Evictions and preemptions say so themselves
    (DisruptionTarget) and are none of ours.
    """
    gone = {uid for uid, pod in before.items() if _is_gone(after.get(uid)) and not _is_disrupted(after.get(uid), pod)}
    left = frozenset(uid for uid in named if not _is_gone(after.get(uid)))
    spared = left | frozenset(uid for uid in newcomers if not _is_gone(after.get(uid)))
    others = sorted(gone - named, key=lambda uid: _is_starting(before[uid], busy), reverse=True)
    instead = others[: len(spared)]
    starting = frozenset(uid for uid in instead if _is_starting(before[uid], busy))
    return Toll(frozenset(named) - left, starting, frozenset(instead) - starting, spared)


def _is_gone(pod: Pod | None) -> bool:
    return pod is None or not pod.is_active


def _is_disrupted(after: Pod | None, before: Pod) -> bool:
    return before.is_disrupted or (after is not None and after.is_disrupted)


def _is_starting(pod: Pod, busy: Set[str]) -> bool:
    return not pod.is_started and pod.uid not in busy
