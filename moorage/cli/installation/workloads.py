"""Deployments and StatefulSets that are not as they should be, with the reasons of their pods and ReplicaSets; Jobs too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import pods
from moorage.cli.installation.documents import (
    COMPONENT,
    POOL,
    Document,
    Seen,
    age,
    condition,
    is_true,
    label,
    name,
    owners,
    short,
    spec,
    status,
    uid,
)
from moorage.cli.installation.events import newest_first, of_object
from moorage.cli.installation.parts import WORKLOADS
from moorage.cli.installation.sayings import Trouble

STARTING_SECONDS = 90.0  # what an installation may take from images on the node
_QUOTA = re.compile(r"exceeded quota: ([^,]+), (.*)")
_SECURITY = re.compile(r'violates PodSecurity "([^"]+)": (.*)')


def examine(seen: Seen) -> Iterator[Finding]:
    """One line for each that is well, one for each reason of each that is not."""
    for workload in seen.all(*WORKLOADS):
        yield from _workload(workload, seen)
    for job in seen.all("jobs"):
        if is_true(job, "Failed"):
            yield _job(job, seen)


def subject(workload: Document) -> str:
    """As the report calls it."""
    if label(workload, COMPONENT) == "worker":
        return f"pool {label(workload, POOL) or name(workload)}"
    return label(workload, COMPONENT) or name(workload)


def pods_of(workload: Document, seen: Seen) -> tuple[Document, ...]:
    """By their owners: a Deployment's ReplicaSets, or the StatefulSet itself; by the selector where ReplicaSets cannot be read."""
    own = uid(workload)
    sets = {uid(each) for each in seen.owned(own, "replicasets")} | {own}
    found = tuple(each for each in seen.all("pods") if sets & owners(each))
    if found or "replicasets" in seen.lists:
        return found
    wanted = (spec(workload).get("selector") or {}).get("matchLabels") or {}
    return tuple(each for each in seen.all("pods") if all(label(each, key) == value for key, value in wanted.items()))


def _workload(workload: Document, seen: Seen) -> Iterator[Finding]:
    wanted = int(spec(workload).get("replicas", 1))
    ready = int(status(workload).get("readyReplicas", 0))
    told = f"{ready} of {wanted} pods ready"
    reasons = [*_refusals(workload, seen), *_troubles(pods_of(workload, seen), seen)]
    for why in reasons:
        yield Finding(subject(workload), Grade.FAIL, f"{told}: {why.what}", why.advice)
    if reasons:
        return
    if ready >= wanted:
        yield Finding(subject(workload), Grade.OK, told)
    else:
        yield _not_yet(workload, told, seen)


def _not_yet(workload: Document, told: str, seen: Seen) -> Finding:
    if spec(workload).get("paused"):
        advice = f"`kubectl rollout resume deployment {name(workload)}`"
        return Finding(subject(workload), Grade.FAIL, f"{told}: its rollout is paused", advice)
    progress = condition(workload, "Progressing")
    if progress.get("status") == "False" and progress.get("reason") == "ProgressDeadlineExceeded":
        sentence = f"{told}: its rollout stands still, and nothing that may be read says why"
        return Finding(subject(workload), Grade.FAIL, sentence, f"`kubectl describe` its pods ({name(workload)}-…)")
    if age(workload, seen.now) < STARTING_SECONDS:
        return Finding(subject(workload), Grade.WARN, f"{told}: it is still starting", "look again in a minute")
    return Finding(subject(workload), Grade.WARN, f"{told}, and no pod says why", "look again in a minute")


def _refusals(workload: Document, seen: Seen) -> list[Trouble]:
    """Pods that were never made: the newest condition of the Deployment, or of its ReplicaSets."""
    for document in (workload, *seen.owned(uid(workload), "replicasets")):
        failure = condition(document, "ReplicaFailure")
        if failure.get("status") == "True":
            return [_refused(str(failure.get("message", "")))]
    stateful = workload.get("kind") == "StatefulSet" or "serviceName" in spec(workload)
    failed = [each for each in of_object(seen, name(workload)) if each.get("reason") == "FailedCreate"]
    if stateful and failed and not pods_of(workload, seen):
        return [_refused(str(failed[0].get("message", "")))]
    return []


def _refused(message: str) -> Trouble:
    if found := _QUOTA.search(message):
        return Trouble(
            f"the quota {found[1]} refuses its pods ({short(found[2])})",
            "raise the ResourceQuota, or lower resources or replicas",
        )
    if found := _SECURITY.search(message):
        return Trouble(
            f"Pod Security {found[1]} refuses its pods ({short(found[2])})",
            "leave podSecurityContext and securityContext as the chart has them, or relax the namespace's label",
        )
    if "serviceaccount" in message.lower() and "not found" in message:
        return Trouble(f"its service account is not there ({short(message)})", "make it, or set serviceAccount.create")
    if "admission webhook" in message:
        return Trouble(f"an admission webhook refuses its pods: {short(message)}", "ask whoever runs that webhook")
    return Trouble(f"its pods are refused: {short(message)}", "correct what the API server names")


def _troubles(members: Iterable[Document], seen: Seen) -> list[Trouble]:
    """Each once, with how many pods share it."""
    counted: Counter[Trouble] = Counter()
    first: dict[Trouble, str] = {}
    for pod in members:
        events = newest_first(of_object(seen, name(pod)))
        found = pods.trouble(pod, events, seen.logs.get(name(pod), ""), seen.now)
        if found is not None:
            counted[found] += 1
            first.setdefault(found, name(pod))
    return [
        Trouble(f"pod {first[each]}" + (f" and {count - 1} more" if count > 1 else "") + f": {each.what}", each.advice)
        for each, count in counted.items()
    ]


def _job(job: Document, seen: Seen) -> Finding:
    own = [pod for pod in seen.all("pods") if uid(job) in owners(pod)]
    why = next(iter(_troubles(own, seen)), None)
    said = why.what if why else short(condition(job, "Failed").get("message")) or "it gives no reason"
    advice = (why.advice if why else "") or "`kubectl logs job/" + name(job) + "` shows more; then upgrade again"
    return Finding(label(job, COMPONENT) or name(job), Grade.FAIL, f"Job {name(job)} failed: {said}", advice)
