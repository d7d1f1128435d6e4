"""Which objects of the release are there, by the labels that the chart gives them."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import COMPONENT, INSTANCE, POOL, Document, Seen, label, listed, name

SUBJECT = "release"
WORKLOADS = ("deployments", "statefulsets")
NEEDED = ("gateway", "controlplane")
SERVICES: Mapping[str, tuple[str, ...]] = {"gateway": ("gateway", "links"), "controlplane": ("controlplane",)}


def releases(documents: tuple[Document, ...]) -> list[str]:
    """Of Deployments in a namespace: the instances that are Moorage's."""
    return sorted({label(each, INSTANCE) for each in documents if label(each, INSTANCE)})


def none(namespace: str, release: str | None) -> Finding:
    """Nothing with the labels."""
    what = f"release {release}" if release else "installation of the chart"
    advice = "give --namespace and --release (`helm list -A` shows both), or install it: docs/operate.md"
    return Finding(SUBJECT, Grade.FAIL, f"there is no {what} in namespace {namespace}", advice)


def several(namespace: str, found: list[str]) -> Finding:
    """Somebody has to choose."""
    return Finding(
        SUBJECT, Grade.FAIL, f"namespace {namespace} has several: {listed(found, 10)}", f"give --release {found[0]}"
    )


def missing(seen: Seen) -> list[Finding]:
    """What is there as one line, and each part that should be and is not."""
    workloads = seen.all(*WORKLOADS)
    there = {label(each, COMPONENT) for each in workloads}
    pools = sorted(label(each, POOL) or name(each) for each in workloads if label(each, COMPONENT) == "worker")
    parts = sorted(there - {"worker", ""}) + [f"pool {each}" for each in pools]
    said = f"{seen.release} in namespace {seen.namespace} has {', '.join(parts) or 'nothing that runs'}"
    found = [Finding(SUBJECT, Grade.OK, said)]
    if "deployments" in seen.lists:
        found += [_absent(part, "Deployment") for part in NEEDED if part not in there]
    if "services" in seen.lists:
        names = {name(each) for each in seen.all("services")}
        found += [
            _absent(f"{name_of}", "Service")
            for part in NEEDED
            if part in there
            for name_of in SERVICES[part]
            if not any(each.endswith(f"-{name_of}") or each == name_of for each in names)
        ]
    if not pools and "deployments" in seen.lists:
        advice = "add a pool to the chart's `pools`, unless workers come from elsewhere"
        found.append(Finding("pools", Grade.NOTE, "the release has no worker pool of its own", advice))
    return found


def _absent(part: str, kind: str) -> Finding:
    advice = "`helm upgrade` with the same values makes it again; `helm get manifest` shows what belongs to the release"
    return Finding(part, Grade.FAIL, f"its {kind} is not there", advice)
