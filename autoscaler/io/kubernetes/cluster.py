"""One Kubernetes cluster, as an autoscaler uses it: pools and elections over one API client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.credentials import connect
from autoscaler.io.kubernetes.election import LeaseLeader
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.leases import Terms
from autoscaler.policy import KubernetesTarget


class Cluster:
    """Opens no connection before something is asked. One of them for each process and cluster."""

    def __init__(
        self, registry: CollectorRegistry, *, kubeconfig: Path | None = None, context: str | None = None
    ) -> None:
        self._metrics = KubernetesMetrics(registry)
        self.api = Api(lambda: connect(kubeconfig, context=context), self._metrics)

    async def open(self) -> None:
        """Reads the credentials, so that a start without any ends with a sentence. Raises NoCredentials."""
        await self.api.connect()

    def pool(self, target: KubernetesTarget, leads: Callable[[], bool]) -> KubernetesPool:
        """Its `run` belongs into a task, before its first `look`."""
        return KubernetesPool(self.api, target, self._metrics, leads)

    def leader(self, namespace: str, name: str, terms: Terms | None = None) -> LeaseLeader:
        """Its `run` belongs into a task."""
        return LeaseLeader(self.api, self._metrics, namespace=namespace, name=name, terms=terms)

    async def close(self) -> None:
        """After everything that uses it has ended."""
        await self.api.close()
