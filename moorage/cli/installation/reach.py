"""The API server itself: whether it is reached, lets us in, and is new enough."""

from __future__ import annotations

import re

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Document, short

SUBJECT = "API server"
LEAST = (1, 27)  # fields of the chart: minDomains and matchLabelKeys of topology spread, unhealthyPodEvictionPolicy
UNAUTHORIZED = 401


def no_credentials(why: str) -> Finding:
    """There is no kubeconfig, or none that can be read."""
    advice = "set KUBECONFIG, or give --kubeconfig and --context; inside a pod its service account is used"
    return Finding(SUBJECT, Grade.FAIL, short(why), advice)


def unreachable(why: str) -> Finding:
    """Nobody answered in time."""
    advice = "look whether `kubectl version` reaches it: VPN, proxy, the cluster's address in the kubeconfig"
    return Finding(SUBJECT, Grade.FAIL, f"it does not answer: {short(why)}", advice)


def refused(code: int, message: str) -> Finding:
    """It answered, and not with its version."""
    if code == UNAUTHORIZED:
        advice = (
            "log in again: the token or certificate of this kubeconfig's user has run out, or is of another cluster"
        )
        return Finding(SUBJECT, Grade.FAIL, f"it does not know these credentials ({short(message)})", advice)
    advice = "ask whoever runs the cluster for read access to the namespace (docs/operate.md, Doctor)"
    return Finding(SUBJECT, Grade.FAIL, f"it answers {code}: {short(message)}", advice)


def version(document: Document) -> Finding:
    """Of its /version."""
    found = tuple(int(re.sub(r"\D.*", "", str(document.get(part, ""))) or 0) for part in ("major", "minor"))
    told = f"it runs Kubernetes {document.get('gitVersion') or '.'.join(map(str, found))}"
    if found < LEAST:
        least = ".".join(map(str, LEAST))
        return Finding(
            SUBJECT, Grade.FAIL, f"{told}; the chart needs {least}", f"upgrade the cluster to {least} or newer"
        )
    return Finding(SUBJECT, Grade.OK, told)
