"""Every alert has its page in the runbook, and every page an alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operate.md"
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def alerts() -> list[dict[str, Any]]:
    files = sorted((ROOT / "helm" / "moorage" / "alerts").glob("*.yaml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def anchors(page: Path) -> set[str]:
    """As a forge makes them of headings."""
    headings = re.findall(r"^#{1,6} (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_alert_has_a_heading_and_each_heading_an_alert() -> None:
    headings = re.findall(r"^### (Moorage\w+)$", PAGE.read_text(), re.MULTILINE)

    assert sorted(headings) == sorted(rule["alert"] for rule in alerts())


def test_each_alert_leads_to_its_heading() -> None:
    wanted = {rule["alert"]: f"docs/operate.md#{rule['alert'].lower()}" for rule in alerts()}

    assert {rule["alert"]: rule["annotations"]["runbook_url"] for rule in alerts()} == wanted


def test_each_page_of_the_runbook_says_where_to_look_and_what_to_do() -> None:
    pages = re.split(r"^### (?=Moorage\w+$)", PAGE.read_text(), flags=re.MULTILINE)[1:]

    assert [page.split("\n", 1)[0] for page in pages if "- Look: " not in page or "- Do: " not in page] == []


@pytest.mark.parametrize("name", ["operate.md", "security.md"])
def test_links_of_the_page_lead_somewhere(name: str) -> None:
    page = ROOT / "docs" / name
    broken = []
    for target in _LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not target.startswith("http") and (not there.exists() or (anchor and anchor not in anchors(there))):
            broken.append(target)

    assert broken == []


def test_metrics_that_the_pages_name_are_those_of_the_metrics_page() -> None:
    known = set(re.findall(r"moorage_\w+", (ROOT / "docs" / "metrics.md").read_text()))
    named = {
        metric
        for page in ("operate.md", "security.md")
        for metric in re.findall(r"moorage_\w+", (ROOT / "docs" / page).read_text())
    }

    assert {metric.removesuffix("_bucket") for metric in named} - known == set()
