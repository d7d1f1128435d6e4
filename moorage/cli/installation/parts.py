"""Which objects of the release are there, by the labels that the chart gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import (
    CHART,
    COMPONENT,
    INSTANCE,
    NAME,
    POOL,
    SCALING,
    Document,
    Seen,
    annotation,
    label,
    listed,
    name,
)

SUBJECT = "release"
WORKLOADS = ("deployments", "statefulsets")
NEEDED = ("gateway", "controlplane")
SERVICES: Mapping[str, tuple[str, ...]] = {"gateway": ("gateway", "links"), "controlplane": ("controlplane",)}


@dataclass(frozen=True, slots=True)
class Release:
    """What its objects have in common: the chart's name (nameOverride changes it), and the release's."""

    instance: str
    chart: str = "moorage"

    @property
    def selector(self) -> str:
        """Of labels; of any release where none is known."""
        return f"{NAME}={self.chart}" + (f",{INSTANCE}={self.instance}" if self.instance else "")


def releases(documents: tuple[Document, ...]) -> list[Release]:
    """Of Deployments in a namespace: those that are Moorage's, each once."""
    ours = [each for each in documents if label(each, NAME) == "moorage" or label(each, CHART).startswith("moorage-")]
    found = {Release(label(each, INSTANCE), label(each, NAME)) for each in ours if label(each, INSTANCE)}
    return sorted(found, key=lambda release: release.instance)


def none(namespace: str, release: str | None) -> Finding:
    """Nothing with the labels."""
    what = f"release {release}" if release else "installation of the chart"
    advice = "give --namespace and --release (`helm list -A` shows both), or install it: docs/operate.md"
    return Finding(SUBJECT, Grade.FAIL, f"there is no {what} in namespace {namespace}", advice)


def several(namespace: str, found: list[Release]) -> Finding:
    """Somebody has to choose."""
    names = [each.instance for each in found]
    sentence = f"namespace {namespace} has several: {listed(names, 10)}"
    return Finding(SUBJECT, Grade.FAIL, sentence, f"give --release {names[0]}")


def missing(seen: Seen) -> list[Finding]:
    """What is there as one line, and each part that should be and is not."""
    workloads = seen.all(*WORKLOADS)
    there = {label(each, COMPONENT) for each in workloads}
    pools = sorted(label(each, POOL) or name(each) for each in workloads if label(each, COMPONENT) == "worker")
    parts = sorted(there - {"worker", ""}) + [f"pool {each}" for each in pools]
    said = f"{seen.release} in namespace {seen.namespace} has {', '.join(parts) or 'nothing that runs'}"
    found = [Finding(SUBJECT, Grade.OK, said)]
    if "deployments" in seen.lists:
        is_scaled = any(annotation(each, SCALING) == "builtin" for each in workloads)
        needed = (*NEEDED, "autoscaler") if is_scaled else NEEDED
        found += [_absent(part, "Deployment") for part in needed if part not in there]
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
