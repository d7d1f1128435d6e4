"""Who plays: ours with the default policy, and the peers with theirs."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.policy import LocalTarget, PoolPolicy
from autoscaler.replay.controller import Controller
from autoscaler.replay.faults import Clear
from autoscaler.replay.ours import Ours, View
from autoscaler.replay.pods import POOL
from bench.replaying.scenes import MAXIMUM, Stage
from bench.rows import OURS


def our_policy(stage: Stage) -> PoolPolicy:
    """The defaults, for every scene the same."""
    return PoolPolicy(stage.sessions.region, POOL, LocalTarget(()), stage.setting.slots, maximum=MAXIMUM)


def _ours(stage: Stage, view: View) -> Controller:
    return Ours(our_policy(stage), view)


CONTESTANTS: dict[str, Callable[[Stage, View], Controller]] = {OURS: _ours}


def controller_of(name: str, stage: Stage, view: View | None = None) -> Controller:
    """A fresh one for one pool."""
    return CONTESTANTS[name](stage, view or Clear())
