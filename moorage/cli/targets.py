"""What `moorage autoscaler` scales by the policies' words: a cluster opened once, processes of this machine, and who leads.

Pools in Kubernetes share one Lease of the process: three Leases would be as many writes a second as the whole autoscaler may
make. Other pools have a role of their own in the store.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from prometheus_client import CollectorRegistry

from autoscaler.io.leading import Leader, SharedLeader, StoreLeader
from autoscaler.io.local.recipe import Recipe
from autoscaler.io.local.target import LocalProcesses
from autoscaler.io.memories import name_of
from autoscaler.io.target import Target
from autoscaler.policy import KubernetesTarget, LocalTarget, PoolPolicy
from moorage.cli.settings import AutoscalerGroup
from moorage.cli.sources import WrongSetting
from scheduler.store import Store

if TYPE_CHECKING:
    from autoscaler.io.kubernetes.cluster import Cluster
    from autoscaler.io.kubernetes.election import LeaseLeader

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Targets:
    """Closed after the autoscaler that uses it."""

    def __init__(self, settings: AutoscalerGroup, store: Store, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._store = store
        self._registry = registry
        self._cluster: Cluster | None = None
        self._lease: LeaseLeader | None = None
        self._election: asyncio.Task[None] | None = None

    async def reach(self, policies: Iterable[PoolPolicy]) -> None:
        """Reads the credentials that they need. Raises WrongSetting where there are none."""
        if not any(isinstance(policy.target, KubernetesTarget) for policy in policies):
            return
        cluster = self._opened()
        from autoscaler.io.kubernetes.credentials import NoCredentials

        try:
            await cluster.open()
        except NoCredentials as error:
            raise WrongSetting(f"{error}: name a kubeconfig in autoscaler.kubeconfig (--kubeconfig)") from error

    @property
    def detail(self) -> str | None:
        """Who has the Lease; None where no pool needs one."""
        return self._lease.detail if self._lease is not None else None

    def leader(self, policy: PoolPolicy) -> Leader:
        """Of one pool."""
        match policy.target:
            case LocalTarget():
                return StoreLeader(self._store, name_of((policy.region, policy.pool)))
            case KubernetesTarget():
                return SharedLeader(self._lease or self._elected(policy.target))
            case _:
                assert_never(policy.target)

    def target(self, policy: PoolPolicy, leader: Leader) -> Target:
        """Of one pool."""
        match policy.target:
            case LocalTarget(command):
                return LocalProcesses(Recipe(policy.pool, command), policy.minimum, self._store.now)
            case KubernetesTarget():
                return self._opened().pool(policy.target, lambda: leader.is_leading)
            case _:
                assert_never(policy.target)

    async def close(self) -> None:
        """The Lease is free at once."""
        if self._election is not None:
            self._election.cancel()
            await asyncio.wait({self._election})
        if self._cluster is not None:
            await self._cluster.close()

    def _opened(self) -> Cluster:
        if self._cluster is None:
            import kubernetes.aio  # noqa: F401 - says early that the extra is missing

            from autoscaler.io.kubernetes.cluster import Cluster

            self._cluster = Cluster(self._registry, kubeconfig=self._settings.kubeconfig)
        return self._cluster

    def _elected(self, target: KubernetesTarget) -> LeaseLeader:
        namespace = self._settings.lease_namespace or own_namespace() or target.namespace
        lease = self._lease = self._opened().leader(namespace, self._settings.lease)
        self._election = asyncio.create_task(lease.run(), name="election")
        return lease


def check_installed(policies: Iterable[PoolPolicy]) -> None:
    """Raises WrongSetting: before any pool is closed or opened, at the start and where policies are read again."""
    aims = [policy for policy in policies if isinstance(policy.target, KubernetesTarget)]
    if aims and find_spec("kubernetes") is None:
        where = f"pool {aims[0].region}/{aims[0].pool} has a target in Kubernetes"
        raise WrongSetting(f"{where}, which needs the [kubernetes] extra: pip install 'moorage[kubernetes]'")


def own_namespace() -> str:
    """Of the pod this runs in; "" outside Kubernetes."""
    with suppress(OSError):
        return POD_NAMESPACE.read_text().strip()
    return os.environ.get("MOORAGE_POD_NAMESPACE", "")
