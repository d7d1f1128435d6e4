"""One release of the chart in a namespace of its own of a real API server."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helm.charts import CHART, Document, binary

COMMAND_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Release:
    """Its name is that of the namespace."""

    name: str
    kubeconfig: Path

    def install(self, *sets: str) -> None:
        """Without waiting: who plays nodes here starts no program."""
        self._helm("install", self.name, str(CHART), "--create-namespace", *_set(sets))

    def upgrade(self, *sets: str) -> None:
        """With these values, and the defaults for all others."""
        self._helm("upgrade", self.name, str(CHART), *_set(sets))

    def roll_back(self) -> None:
        """To the revision before."""
        self._helm("rollback", self.name)

    def uninstall(self) -> None:
        """What `helm uninstall` leaves goes with the namespace."""
        self._helm("uninstall", self.name, "--ignore-not-found")
        self._run("kubectl", "delete", "namespace", self.name, "--ignore-not-found", "--wait=false")

    def get(self, kind: str) -> list[Document]:
        """All objects of a kind that are the release's."""
        chosen = ("--selector", f"app.kubernetes.io/instance={self.name}")
        listed: dict[str, Any] = json.loads(self._kubectl("get", kind, *chosen, "--output", "json"))
        return list(listed["items"])

    def scale(self, deployment: str, replicas: int) -> None:
        """As somebody else would: an autoscaler, or a person."""
        self._kubectl("scale", f"deployment/{deployment}", f"--replicas={replicas}")

    def _helm(self, *arguments: str) -> str:
        return self._run("helm", *arguments, "--namespace", self.name)

    def _kubectl(self, *arguments: str) -> str:
        return self._run("kubectl", *arguments, "--namespace", self.name)

    def _run(self, program: str, *arguments: str) -> str:
        environment = dict(os.environ) | {"KUBECONFIG": str(self.kubeconfig)}
        command = [binary(program) or program, *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


def _set(sets: tuple[str, ...]) -> list[str]:
    return [word for each in sets for word in ("--set", each)]
