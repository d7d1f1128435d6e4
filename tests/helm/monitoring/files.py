"""The chart's rule files and dashboards as they lie there, and the tools that read them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CHART, NAMESPACE, Document

WANTED = {"gateway": 2, "controlplane": 1, "autoscaler": 1}
"""Replicas of the default values."""
TOOL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a dashboard."""

    dashboard: str
    panel: str
    expression: str
    legend: str


@cache
def groups() -> list[Document]:
    """Of all files, in the order of their names, after what the template makes of the values. To be read only."""
    wanted = {
        "name": "moorage-wanted",
        "rules": [
            {"record": f"moorage:{component}s_wanted", "expr": f"vector({count})", "labels": {"namespace": NAMESPACE}}
            for component, count in WANTED.items()
        ],
    }
    files = sorted((CHART / "alerts").glob("*.yaml"))
    return [wanted, *(group for file in files for group in yaml.safe_load(file.read_text())["groups"])]


@cache
def alerts() -> dict[str, Document]:
    """By name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def rules() -> Iterator[Document]:
    """Alerts and recorded ones."""
    for group in groups():
        yield from group["rules"]


def dashboards() -> dict[str, Document]:
    """By the file's name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((CHART / "dashboards").glob("*.json"))}


def queries() -> Iterator[Query]:
    """Of all panels."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Query(name, panel["title"], target["expr"], target["legendFormat"])


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Skips the test on a laptop without it; fails it in CI."""
    program = shutil.which("promtool")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("CI has no promtool: .ci/run installs Debian's package prometheus, which brings it")
    if program is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    return _ran(program, *arguments)


def _ran(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
    )
