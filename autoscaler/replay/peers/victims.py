"""Which pods a platform takes away when replicas fall."""

from __future__ import annotations

from collections.abc import Iterable
from math import log2

from autoscaler.replay.pods import Pod, PodState
from autoscaler.replay.sessions import Chance


def of_replica_set(pods: Iterable[Pod], many: int, now: float, chance: Chance) -> list[Pod]:
    """As a ReplicaSet: pods that are not ready first, then those that became ready last, where ages of the same power of two
    count as the same and chance decides. Sessions do not count.

    https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset. Left out: deletion cost (nobody
    here sets it) and the number of replicas on the same node (each has its own).
    """

    def rank(pod: Pod) -> tuple[bool, int, float]:
        is_ready = pod.state is not PodState.STARTING
        age = now - (pod.ready_at if is_ready else pod.created_at)
        return is_ready, int(log2(max(age, 1.0))), chance.random()

    return sorted(pods, key=rank)[:many]


def of_agones(pods: Iterable[Pod], many: int) -> list[Pod]:
    """As a GameServerSet with Packed scheduling: never one that is Allocated, which one with a session is; those that are not
    ready first, then the newest.

    https://agones.dev/site/docs/advanced/scheduling-and-autoscaling/
    """
    free = [pod for pod in pods if not pod.used]
    return sorted(free, key=lambda pod: (pod.state is not PodState.STARTING, -pod.number))[:many]
