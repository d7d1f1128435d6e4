"""Where the API server is and who we are: a kubeconfig, or the service account of the pod this runs in.

The client's models load with it (0.4 s, 45 MB), so it is imported when the first target is opened.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.aio.client.api_client import ApiClient

CONNECTIONS = 16  # at once, watches included


class NoCredentials(ValueError):
    """Says what was looked for."""


async def connect(kubeconfig: Path | None = None, *, context: str | None = None) -> ApiClient:
    """Opens no connection yet. Without `kubeconfig`: KUBECONFIG, then the pod's own, then ~/.kube/config.
    Raises NoCredentials."""
    from kubernetes.aio import config
    from kubernetes.aio.client.api_client import ApiClient
    from kubernetes.aio.client.configuration import Configuration

    configuration = Configuration()
    said = kubeconfig or _kubeconfig()
    try:
        if said is None:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(
                str(said), context=context, client_configuration=configuration, persist_config=False
            )
    except Exception as error:  # the client's loaders raise whatever they trip over: TypeError, KeyError, YAMLError, …
        where = said or "KUBECONFIG, a pod's service account and ~/.kube/config"
        raise NoCredentials(f"no way to a Kubernetes API server in {where}: {type(error).__name__}: {error}") from error
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.retries = None  # ours: with jitter, and never of a write
    client = ApiClient(configuration)
    client.user_agent = "moorage-autoscaler"
    return client


def _kubeconfig() -> Path | None:
    """None: this is a pod's business."""
    if said := os.environ.get("KUBECONFIG"):
        return Path(said)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    home = Path("~/.kube/config").expanduser()
    return home if home.exists() else None
