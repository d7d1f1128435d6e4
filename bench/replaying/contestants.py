"""Who plays: ours with the default policy, and the peers with theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autoscaler.policy import LocalTarget, PoolPolicy
from autoscaler.replay.controller import Controller
from autoscaler.replay.faults import Fault, View, demand_rule
from autoscaler.replay.ours import Ours
from autoscaler.replay.peers import hpa
from autoscaler.replay.peers.agones import AgonesBuffer, AgonesCounter
from autoscaler.replay.peers.hpa import Behaviour, Hpa
from autoscaler.replay.peers.keda import Keda
from autoscaler.replay.peers.knative import Knative
from autoscaler.replay.pods import POOL
from bench.replaying.scenes import MAXIMUM, Stage
from bench.rows import OURS

TARGET = 0.7  # of a pod's slots: what HPA and KEDA are told to aim at, and Knative's default


def our_policy(stage: Stage) -> PoolPolicy:
    """The defaults, for every scene the same."""
    return PoolPolicy(stage.sessions.region, POOL, LocalTarget(()), stage.setting.slots, maximum=MAXIMUM)


def _ours(stage: Stage, view: View) -> Controller:
    policy = our_policy(stage)
    if view.fault is not Fault.NONE:
        policy = replace(policy, rules=(demand_rule(policy.slots),))
    return Ours(policy, view)


def _behaviour() -> Behaviour:
    return Behaviour(maximum=MAXIMUM)


CONTESTANTS: dict[str, Callable[[Stage, View], Controller]] = {
    OURS: _ours,
    "hpa": lambda stage, view: Hpa(TARGET * stage.setting.slots, hpa.GRACE, view, _behaviour()),
    "hpa-6h": lambda stage, view: Hpa(TARGET * stage.setting.slots, hpa.LONG_GRACE, view, _behaviour()),
    "keda": lambda stage, view: Keda(TARGET * stage.setting.slots, hpa.GRACE, view, _behaviour()),
    "knative": lambda stage, view: Knative(TARGET * stage.setting.slots, view=view),
    "agones-buffer": lambda stage, view: AgonesBuffer(view),
    "agones-counter": lambda stage, view: AgonesCounter(view),
}


def controller_of(name: str, stage: Stage, view: View | None = None) -> Controller:
    """A fresh one for one pool."""
    return CONTESTANTS[name](stage, view or View())
