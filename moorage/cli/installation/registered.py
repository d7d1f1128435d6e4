"""Workers that run and are not in the registry: compared over REST where that can be asked, else told by readiness."""

from __future__ import annotations

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import sayings
from moorage.cli.installation.documents import (
    COMPONENT,
    POOL,
    Document,
    Registered,
    Seen,
    age,
    label,
    listed,
    name,
    short,
    status,
    uid,
)

JOINING_SECONDS = 30.0
_GONE = frozenset({"lost", "retired"})
_KEY = "its key (Secret <fullname>-join), its link address and the NetworkPolicy between it and the gateways: docs/workers.md"


def examine(seen: Seen) -> list[Finding]:
    """One line a pool whose pods run, when the registry was asked; nothing else, since an unready pod is a finding already."""
    if seen.registry is None:
        return []
    pools: dict[str, list[Document]] = {}
    for pod in seen.all("pods"):
        if label(pod, COMPONENT) == "worker" and _runs(pod, seen.now):
            pools.setdefault(label(pod, POOL), []).append(pod)
    return [_pool(pool, pods, seen.registry, seen) for pool, pods in sorted(pools.items())]


def _pool(pool: str, pods: list[Document], registry: tuple[Registered, ...], seen: Seen) -> Finding:
    known = {each.pod for each in registry if each.status not in _GONE}
    names = {each.name for each in registry if each.pod is None and each.status not in _GONE}
    absent = [pod for pod in pods if uid(pod) not in known and name(pod) not in names]
    subject = f"workers of {pool}" if pool else "workers"
    if not absent:
        return Finding(subject, Grade.OK, f"all {len(pods)} pods that run are in the registry")
    said = filter(None, (sayings.meaning(seen.logs.get(name(pod), "")) for pod in absent))
    why = next(said, None)
    sentence = f"{len(absent)} of {len(pods)} pods run and never registered ({listed(map(name, absent))})"
    if why is None:
        return Finding(subject, Grade.FAIL, sentence, f"look at its log, {_KEY}")
    return Finding(subject, Grade.FAIL, f"{sentence}: {why.what}", why.advice)


def _runs(pod: Document, now: float) -> bool:
    is_going = bool(pod["metadata"].get("deletionTimestamp"))
    return status(pod).get("phase") == "Running" and not is_going and age(pod, now) >= JOINING_SECONDS


def worker(document: Document, namespace: str) -> Registered:
    """From the REST API. A pod of another namespace is none of this release's."""
    pod = document.get("kubernetes") or {}
    own = pod.get("uid") if pod.get("namespace") in (namespace, "") else None
    return Registered(str(document["name"]), str(document["pool"]), str(document["status"]), own)


def not_asked(why: str) -> Finding:
    """Then readiness is all there is to go by."""
    advice = "MOORAGE_URL and MOORAGE_API_KEY name a REST API and a key with workers:read (`kubectl port-forward` reaches it)"
    return Finding("workers", Grade.WARN, f"the registry could not be asked: {short(why)}", advice)
