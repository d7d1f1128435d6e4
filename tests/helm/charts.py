"""Renders the chart with the helm binary: each file of values/ once, and whatever a test wants to see refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "helm" / "moorage"
VALUES = Path(__file__).parent / "values"
CASES = tuple(sorted(path.stem for path in VALUES.glob("*.yaml")))
KUBERNETES = "1.33.0"
OLDEST_KUBERNETES = "1.27.0"
RELEASE = "it"
NAMESPACE = "moorage"
RENDER_SECONDS = 30.0
WHY_NOT = "no helm: put it on PATH, or into bin of the folder that CLUSTER_CACHE names"

Document = dict[str, Any]


def binary(name: str) -> str | None:
    """helm or kubectl: that of PATH, else that which came with the test cluster."""
    kept = Path(os.environ.get("CLUSTER_CACHE", Path.home() / ".cache" / "test-cluster")) / "bin" / name
    return shutil.which(name) or (str(kept) if kept.exists() else None)


def require_helm() -> str:
    """Its path. Skips where there is none; fails where there must be one."""
    if found := binary("helm"):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(WHY_NOT, pytrace=False)
    pytest.skip(WHY_NOT)


@cache
def rendered(case: str) -> tuple[Document, ...]:
    """All objects of one file of values, hooks and tests too. Nobody changes them."""
    done = _template("--values", str(VALUES / f"{case}.yaml"))
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def said(values: str, kubernetes: str = KUBERNETES) -> str:
    """What helm says of values that are refused; "" where they are taken."""
    done = _template("--values", "-", given=values, kubernetes=kubernetes)
    return done.stderr if done.returncode else ""


def linted(case: str) -> str:
    """What `helm lint --strict` says against it; "" where it says nothing."""
    values = str(VALUES / f"{case}.yaml")
    command = [require_helm(), "lint", "--strict", str(CHART), "--values", values, "--kube-version", KUBERNETES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_SECONDS, check=False)
    return done.stdout if done.returncode else ""


def with_values(values: str, *more: str, release: str = RELEASE) -> tuple[Document, ...]:
    """All objects of some values, and of helm's arguments."""
    done = _template("--values", "-", *more, given=values, release=release)
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)


def _template(
    *more: str, given: str = "", kubernetes: str = KUBERNETES, release: str = RELEASE
) -> subprocess.CompletedProcess[str]:
    where = ("--namespace", NAMESPACE, "--kube-version", kubernetes)
    command = [require_helm(), "template", release, str(CHART), *where, *more]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=RENDER_SECONDS, check=False)
