"""One release of the chart in a namespace of its own of a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterable
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

    def notes(self) -> str:
        """What NOTES.txt says of it."""
        return self._helm("get", "notes", self.name)

    def sh(self, line: str) -> str:
        """What a line prints that NOTES.txt tells people to type."""
        path = f"{Path(binary('kubectl') or 'kubectl').parent}:{os.environ['PATH']}"
        return self._run("env", f"PATH={path}", "sh", "-euc", line)

    def scale(self, deployment: str, replicas: int) -> None:
        """As somebody else would: an autoscaler, or a person."""
        self._kubectl("scale", f"deployment/{deployment}", f"--replicas={replicas}")

    def may(self, account: str, verb: str, resource: str, subresource: str = "") -> bool:
        """Whether a ServiceAccount of the release may do that here: `deployments`, or `deployments/its-name`."""
        asked = [verb, resource, *([f"--subresource={subresource}"] if subresource else [])]
        who = f"--as=system:serviceaccount:{self.name}:{account}"
        return self._try("kubectl", "auth", "can-i", *asked, who, "--namespace", self.name).stdout.strip() == "yes"

    def ready(self, component: str) -> list[str]:
        """Names of its pods that are."""
        return [
            pod["metadata"]["name"]
            for pod in self.get("pods")
            if pod["metadata"]["labels"]["app.kubernetes.io/component"] == component and _is_ready(pod)
        ]

    def evict(self, pod: str) -> str:
        """As `kubectl drain` does; what speaks against it, or ""."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.name}}
        where = f"/api/v1/namespaces/{self.name}/pods/{pod}/eviction"
        done = self._try("kubectl", "create", "--raw", where, "--filename", "-", given=json.dumps(eviction))
        return done.stderr if done.returncode else ""

    def make_namespace(self, **labels: str) -> None:
        """With these labels of Pod Security: `enforce="restricted"`."""
        self._run("kubectl", "create", "namespace", self.name)
        said = [f"pod-security.kubernetes.io/{mode}={level}" for mode, level in labels.items()]
        self._run("kubectl", "label", "namespace", self.name, *said)

    def tried(self, objects: Iterable[Document]) -> str:
        """What the API server says against them, warnings too, without making them."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        command = ("kubectl", "apply", "--dry-run=server", "--filename", "-")
        return self._try(*command, given=json.dumps(listed)).stderr

    def add_nodes(self, *names: str) -> None:
        """That kwok plays."""
        for each in names:
            room = {"cpu": "64", "memory": "256Gi", "pods": "250"}
            about = {
                "name": each,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {"kubernetes.io/hostname": each},
            }
            node = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": about,
                "status": {"allocatable": room, "capacity": room},
            }
            self._run("kubectl", "apply", "--filename", "-", given=json.dumps(node))

    def cordon(self, *names: str) -> None:
        """New pods stay pending."""
        self._run("kubectl", "cordon", *names)

    def uncordon(self, *names: str) -> None:
        """They get ready again."""
        self._run("kubectl", "uncordon", *names)

    def _helm(self, *arguments: str) -> str:
        return self._run("helm", *arguments, "--namespace", self.name)

    def _kubectl(self, *arguments: str) -> str:
        return self._run("kubectl", *arguments, "--namespace", self.name)

    def _run(self, program: str, *arguments: str, given: str = "") -> str:
        done = self._try(program, *arguments, given=given)
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def _try(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ) | {"KUBECONFIG": str(self.kubeconfig)}
        command = [binary(program) or program, *arguments]
        return subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )


def fresh_name() -> str:
    """Of a namespace that nobody has."""
    return f"chart-{uuid.uuid4().hex[:8]}"


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return "deletionTimestamp" not in pod["metadata"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def _set(sets: tuple[str, ...]) -> list[str]:
    return [word for each in sets for word in ("--set", each)]
