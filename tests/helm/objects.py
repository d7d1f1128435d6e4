"""What is asked of rendered objects: their pods, who selects whom, and whether policies let one reach another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.helm.charts import Document

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod's template, and the object that has it."""

    owner: str
    labels: Labels
    spec: Document

    @property
    def containers(self) -> list[Document]:
        """All of them, those that only begin it too."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def ports(self) -> set[int | str]:
        """Numbers and names."""
        listed = [port for container in self.spec["containers"] for port in container.get("ports", ())]
        return {port["containerPort"] for port in listed} | {port["name"] for port in listed if "name" in port}

    @property
    def component(self) -> str:
        """By its label."""
        return self.labels["app.kubernetes.io/component"]


def of_kind(objects: Iterable[Document], *kinds: str) -> list[Document]:
    """Those objects."""
    return [each for each in objects if each["kind"] in kinds]


def name(document: Document) -> str:
    """Kind and name, for messages."""
    return f"{document['kind']} {document['metadata']['name']}"


def pods(objects: Iterable[Document]) -> list[Pod]:
    """Of every object that makes pods."""
    return list(_pods(objects))


def _pods(objects: Iterable[Document]) -> Iterator[Pod]:
    for each in objects:
        if each["kind"] == "Pod":
            yield Pod(name(each), each["metadata"].get("labels", {}), each["spec"])
        elif template := each.get("spec", {}).get("template"):
            yield Pod(name(each), template["metadata"].get("labels", {}), template["spec"])


def selects(selector: Document, labels: Labels) -> bool:
    """A LabelSelector's match. An empty one selects all."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for each in selector.get("matchExpressions", ()):
        assert each["operator"] == "In", "the chart uses no other"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True


def may_reach(objects: Iterable[Document], source: Pod, target: Pod, port: int) -> bool:
    """Whether the policies of both ends let it: a pod that no policy selects may do everything."""
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
    out = _allows(policies, "Egress", source, target, port)
    return out and _allows(policies, "Ingress", target, source, port)


def _allows(policies: list[Document], way: str, at: Pod, other: Pod, port: int) -> bool:
    mine = [each for each in policies if selects(each["podSelector"], at.labels) and way in each["policyTypes"]]
    end = "to" if way == "Egress" else "from"
    rules: list[Any] = [rule for each in mine for rule in each.get(way.lower(), ())]
    return not mine or any(_fits(rule, end, other, port) for rule in rules)


def _fits(rule: Document, end: str, other: Pod, port: int) -> bool:
    ports = [each["port"] for each in rule.get("ports", ()) if each.get("protocol", "TCP") == "TCP"]
    if "ports" in rule and port not in ports:
        return False
    peers = rule.get(end)
    return not peers or any("podSelector" in peer and selects(peer["podSelector"], other.labels) for peer in peers)
