"""A cluster with a real node that knows both images, and its command-line programs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.autoscaler.io.kubernetes.places import Place
from tests.helm.charts import binary
from tests.images import building
from tests.images.building import IMAGE, WORKER, says

BUILDS = ("one", "two")
"""Versions that the node has of both images, with the same programs: what is upgraded from one to the other changes every pod."""


@dataclass(frozen=True, slots=True)
class Node:
    """Answers of `kubectl` and `helm` there."""

    place: Place

    def kubectl(self, *words: str, told: str | None = None, seconds: float = 60.0) -> str:
        """Its output. Raises RuntimeError with what it complained of."""
        return self._said("kubectl", words, told, seconds)

    def helm(self, *words: str, seconds: float = 300.0) -> str:
        """Its output. Raises RuntimeError with what it complained of."""
        return self._said("helm", words, None, seconds)

    def document(self, *words: str) -> dict[str, Any]:
        """Of `kubectl … -o json`."""
        found: dict[str, Any] = json.loads(self.kubectl(*words, "-o", "json"))
        return found

    @property
    def address(self) -> str:
        """Where pods reach what listens on it: the node is this machine."""
        (node,) = self.document("get", "nodes")["items"]
        return next(str(each["address"]) for each in node["status"]["addresses"] if each["type"] == "InternalIP")

    @property
    def volumes(self) -> Path:
        """Folder of the node's local volumes: the node is this machine."""
        assert self.place.state is not None
        return self.place.state / "volumes"

    def _said(self, program: str, words: tuple[str, ...], told: str | None, seconds: float) -> str:
        environment = dict(os.environ) | {"KUBECONFIG": str(self.place.kubeconfig)}
        done = subprocess.run(
            [_found(program), *words],
            input=told,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(words)}: {done.stdout[-1000:]} {done.stderr[-3000:]}")
        return done.stdout.strip()


def teach(place: Place, folder: Path) -> None:
    """Both images, each build of them: most of their bytes the node keeps once."""
    for image in (IMAGE, WORKER):
        name = image.partition(":")[0]
        for build in BUILDS:
            archive = folder / f"{name}-{build}.tar"
            container = says("buildah", "from", image)
            says("buildah", "config", "--label", f"org.opencontainers.image.version={build}", container)
            says("buildah", "commit", "-q", "--rm", container, f"{name}:{build}")
            says(
                "buildah", "push", "-q", f"{name}:{build}", f"docker-archive:{archive}:docker.io/library/{name}:{build}"
            )
            says(place.tool, "load", str(archive), environment=place.environment)
            archive.unlink()


def require() -> None:
    """Skips without the images' tools, fails without the chart's."""
    building.build()
    for program in ("kubectl", "helm"):
        _found(program)


def _found(program: str) -> str:
    found = binary(program)
    assert found is not None, f"no {program} on the PATH, nor among the test cluster's programs"
    return found
