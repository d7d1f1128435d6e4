"""What docs/security.md draws is what the chart renders: arrows, ports, rights."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helm.charts import CASES, Document, rendered

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text()


def section(heading: str) -> str:
    """Of the page, without its heading."""
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def prefix(case: str) -> str:
    """Of all names: `<fullname>-`."""
    [gateway] = [
        name for each in of_kind(case, "Deployment") if (name := each["metadata"]["name"]).endswith("-gateway")
    ]
    return str(gateway.removesuffix("gateway"))


def of_kind(case: str, kind: str) -> list[Document]:
    return [each for each in rendered(case) if each["kind"] == kind]


@pytest.mark.parametrize("case", CASES)
def test_every_policy_of_the_network_is_an_arrow_of_the_page(case: str) -> None:
    pools = {
        each["metadata"]["name"].removeprefix(f"{prefix(case)}pool-")
        for each in of_kind(case, "Deployment")
        if each["metadata"]["name"].startswith(f"{prefix(case)}pool-")
    }
    drawn = {"deny"} | set(re.findall(r"`([a-z-]+(?:<pool>-)?(?:in|out|…))`", section("Arrows")))
    drawn |= {f"{stem[:-1]}{end}" for stem in drawn if stem.endswith("…") for end in ("in", "out")}

    names = {each["metadata"]["name"].removeprefix(prefix(case)) for each in of_kind(case, "NetworkPolicy")}
    for pool in pools:
        names = {re.sub(rf"^(sessions|pool)-{re.escape(pool)}-", r"\1-<pool>-", name) for name in names}

    assert names - drawn == set()


@pytest.mark.parametrize("case", CASES)
def test_every_right_of_the_autoscaler_is_in_its_table(case: str) -> None:
    table = [line for line in section("Rights in the cluster").splitlines() if line.startswith("|")]

    absent = []
    for role in of_kind(case, "Role"):
        for rule in role["rules"]:
            for resource in rule["resources"]:
                lines = [line for line in table if re.search(rf"\b{resource}\b", line)]
                absent += [(resource, verb) for verb in rule["verbs"] if not any(verb in line for line in lines)]

    assert absent == []


@pytest.mark.parametrize("case", CASES)
def test_only_the_autoscalers_pods_have_a_token_of_the_api_server(case: str) -> None:
    templates = [each for kind in ("Deployment", "StatefulSet", "Job") for each in of_kind(case, kind)]

    with_token = {
        each["metadata"]["name"].removeprefix(prefix(case))
        for each in templates
        if each["spec"]["template"]["spec"].get("automountServiceAccountToken") is not False
    }

    assert with_token <= {"autoscaler"}


@pytest.mark.parametrize("case", CASES)
def test_every_port_that_listens_is_in_the_table(case: str) -> None:
    ports = {
        port["containerPort"]
        for kind in ("Deployment", "StatefulSet")
        for each in of_kind(case, kind)
        if not each["metadata"]["name"].startswith(f"{prefix(case)}pool-")
        for container in each["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", ())
    }

    told = {int(found) for found in re.findall(r"^\| (\d+) \|", section("What listens"), re.MULTILINE)}

    assert ports - told == set()
