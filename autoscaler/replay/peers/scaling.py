"""What peers on a Deployment share: replicas are set, and its ReplicaSet does the rest."""

from __future__ import annotations

from autoscaler.replay.engine import Pool
from autoscaler.replay.peers.victims import of_replica_set


def scale(pool: Pool, replicas: int, grace: float) -> None:
    """Writes replicas; pods start, or the ReplicaSet's victims have `grace` seconds."""
    if replicas > pool.replicas:
        pool.raise_to(replicas)
    elif replicas < pool.replicas:
        pool.remove(of_replica_set(pool.pods.values(), pool.replicas - replicas, pool.now, pool.chance), grace)
