"""PodDisruptionBudgets that let nobody go: a drain of a node with such a pod does not end."""

from __future__ import annotations

from collections.abc import Iterator

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Document, Seen, name, status


def examine(seen: Seen) -> Iterator[Finding]:
    """One line for each budget with pods and no disruption left."""
    for budget in seen.all("poddisruptionbudgets"):
        said = status(budget)
        if said.get("expectedPods", 0) and not said.get("disruptionsAllowed", 0):
            yield _finding(budget)


def _finding(budget: Document) -> Finding:
    said = status(budget)
    healthy, wanted, expected = (int(said.get(key, 0)) for key in ("currentHealthy", "desiredHealthy", "expectedPods"))
    sentence = (
        f"{name(budget)} lets no pod go ({healthy} of {expected} healthy, {wanted} needed): a node's drain would wait"
    )
    if healthy < expected:
        return Finding("disruption", Grade.WARN, sentence, "bring its pods to Ready first; then it lets one go")
    return Finding("disruption", Grade.WARN, sentence, "more replicas, or a budget with maxUnavailable of at least 1")
