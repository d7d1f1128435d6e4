"""Claims that are not bound or were lost. A full volume is known by the last words of whoever writes to it."""

from __future__ import annotations

from collections.abc import Iterator

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Document, Seen, condition, name, short, spec, status
from moorage.cli.installation.events import of_object


def examine(seen: Seen) -> Iterator[Finding]:
    """One line for each claim that is not as it should be."""
    for claim in seen.all("persistentvolumeclaims"):
        phase = status(claim).get("phase")
        if phase == "Pending":
            yield _pending(claim, seen)
        elif phase == "Lost":
            sentence = f"claim {name(claim)} has lost its volume {spec(claim).get('volumeName', '')}".rstrip()
            advice = "restore it from a backup into a new claim (docs/operate.md, Back up and restore)"
            yield Finding("volumes", Grade.FAIL, sentence, advice)
        elif condition(claim, "FileSystemResizePending").get("status") == "True":
            sentence = f"claim {name(claim)} has more room as soon as its pod starts again"
            yield Finding("volumes", Grade.WARN, sentence, "restart the pod that has it")


def _pending(claim: Document, seen: Seen) -> Finding:
    told = of_object(seen, name(claim))
    reason = str(told[0].get("reason", "")) if told else ""
    why = short(told[0].get("message") or told[0].get("note")) if told else "nothing says why"
    sentence = f"claim {name(claim)} is not bound: {why}"
    if reason == "WaitForFirstConsumer":
        return Finding("volumes", Grade.WARN, sentence, "it is bound when its pod finds a node")
    return Finding("volumes", Grade.FAIL, sentence, _advice(claim, why))


def _advice(claim: Document, why: str) -> str:
    wanted = spec(claim).get("storageClassName")
    if wanted and "not found" in why:
        return f"there is no storage class {wanted}: set persistence.storageClass to one of `kubectl get storageclass`"
    if not wanted or "no storage class is set" in why:
        return "the cluster has no default storage class: set persistence.storageClass, or make a volume by hand"
    return f"look at the provisioner of storage class {wanted}: `kubectl describe pvc {name(claim)}`"
