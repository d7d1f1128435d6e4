"""Which kubeconfig, and which namespace, where nobody says."""

from __future__ import annotations

import os
from pathlib import Path

from moorage.cli.findings import Finding
from moorage.cli.installation import reach

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def missing_kubeconfig(kubeconfig: Path | None) -> Finding | None:
    """Before a library says it in words of its own. KUBECONFIG may name several files: one is enough."""
    said = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    if said is None:
        has_one = _is_in_pod() or Path("~/.kube/config").expanduser().exists()
        why = "there is neither KUBECONFIG nor ~/.kube/config, and this is no pod"
        return None if has_one else reach.no_credentials(why)
    if any(Path(each).expanduser().is_file() for each in said.split(os.pathsep)):
        return None
    return reach.no_credentials(f"there is no kubeconfig {said}")


def namespace_of(kubeconfig: Path | None, context: str | None) -> str:
    """Of the context, or of the pod that this runs in; "default" where neither says one."""
    from kubernetes.aio import config

    said = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")
    if said is None and _is_in_pod() and POD_NAMESPACE.exists():
        return POD_NAMESPACE.read_text().strip()
    try:
        contexts, current = config.list_kube_config_contexts(said)
    except Exception:  # the loader raises whatever it trips over; who connects says it in a sentence
        return "default"
    found = next((each for each in contexts if each.get("name") == context), current) if context else current
    return str((found or {}).get("context", {}).get("namespace") or "default")


def _is_in_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
