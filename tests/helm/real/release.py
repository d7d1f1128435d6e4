"""A release of the chart in a namespace of its own, which enforces the `restricted` Pod Security Standard."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import ssl
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.helm.charts import CHART
from tests.helm.real.node import BUILDS, Node

NAME = "moorage"
ENFORCED = "pod-security.kubernetes.io/enforce=restricted"
VOLUMES = ("one", "two")
GONE_SECONDS = 120.0


class Release:
    """Use as a context manager: entered, the namespace and its volumes are there, and nothing else."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.namespace = f"moorage-{os.urandom(3).hex()}"
        self._values = folder / "values.yaml"

    def __enter__(self) -> Self:
        self.node.kubectl("create", "namespace", self.namespace)
        self.node.kubectl("label", "namespace", self.namespace, ENFORCED)
        for volume in VOLUMES:
            folder = self.node.volumes / f"{self.namespace}-{volume}"
            folder.mkdir(parents=True)
            self.apply(_volume(folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._keep_what_pods_say()
        self.node.kubectl("delete", "namespace", self.namespace, "--wait=false")  # from now on it takes no new pods
        self.kubectl("delete", "pods", "--all", "--force", "--grace-period=0", seconds=GONE_SECONDS)
        self.node.kubectl("wait", f"namespace/{self.namespace}", "--for=delete", "--timeout=120s", seconds=GONE_SECONDS)
        for volume in VOLUMES:
            self.node.kubectl("delete", "persistentvolume", f"{self.namespace}-{volume}")

    # what is done to it

    def install(self, build: str = "one", **values: Any) -> None:
        """`helm install`; waits for nothing."""
        self._values.write_text(yaml.safe_dump(_tagged(values, build)))
        self.helm("install", NAME, str(self._chart(build)), "-f", str(self._values))

    def upgrade(self, build: str, **values: Any) -> None:
        """`helm upgrade`; waits for nothing."""
        self._values.write_text(yaml.safe_dump(_tagged(values, build)))
        self.helm("upgrade", NAME, str(self._chart(build)), "-f", str(self._values))

    def until_ready(self, within: float) -> None:
        """Every Deployment and StatefulSet is rolled out. Raises RuntimeError."""
        until = monotonic() + within
        for workload in self.kubectl("get", "deployments,statefulsets", "-o", "name").splitlines():
            seconds = max(until - monotonic(), 1.0)
            self.kubectl("rollout", "status", workload, f"--timeout={seconds:.0f}s", seconds=seconds + 10)

    def apply(self, document: dict[str, Any]) -> None:
        """In its namespace."""
        self.kubectl("apply", "-f", "-", told=json.dumps(document))

    # what it shows

    def kubectl(self, *words: str, told: str | None = None, seconds: float = 60.0) -> str:
        """In its namespace."""
        return self.node.kubectl("-n", self.namespace, *words, told=told, seconds=seconds)

    def helm(self, *words: str) -> str:
        """In its namespace."""
        return self.node.helm("-n", self.namespace, *words)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """Of a component, that are not going."""
        return [pod for pod in self.all_pods(component) if "deletionTimestamp" not in pod["metadata"]]

    def all_pods(self, component: str) -> list[dict[str, Any]]:
        """Of a component."""
        selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={component}"
        found: list[dict[str, Any]] = self.node.document("-n", self.namespace, "get", "pods", "-l", selector)["items"]
        return found

    def secret(self, name: str, key: str) -> str:
        """One value of one of its Secrets."""
        said = self.node.document("-n", self.namespace, "get", "secret", f"{NAME}-{name}")
        return base64.b64decode(said["data"][key]).decode()

    def address(self, component: str) -> str:
        """IP of a Service; nodes reach it as pods do."""
        said = self.node.document("-n", self.namespace, "get", "service", f"{NAME}-{component}")
        return str(said["spec"]["clusterIP"])

    def volume_of(self, claim: str) -> Path:
        """Where a claim's data lies on this machine."""
        said = self.node.document("-n", self.namespace, "get", "persistentvolumeclaim", f"{NAME}-{claim}")
        return self.node.volumes / str(said["spec"]["volumeName"])

    @property
    def store_url(self) -> str:
        """Of the bundled Valkey, as this machine reaches it."""
        return f"redis://:{self.secret('valkey', 'password')}@{self.address('valkey')}:6379"

    @property
    def clients_url(self) -> str:
        """Of the gateways' Service."""
        return f"wss://{self.address('gateway')}:7400/"

    @property
    def rest_url(self) -> str:
        """Of the control plane's Service."""
        return f"http://{self.address('controlplane')}:7401"

    @property
    def authority(self) -> str:
        """Of the generated certificate, PEM."""
        return self.secret("tls", "ca.crt")

    def rest(self) -> httpx.Client:
        """With the admin key."""
        headers = {"Authorization": f"Bearer {self.secret('admin', 'admin.key')}"}
        return httpx.Client(base_url=f"{self.rest_url}/api/v1", headers=headers, timeout=10.0, trust_env=False)

    def _chart(self, build: str) -> Path:
        """The chart as a version of its own for each build."""
        copied = self._values.with_name(f"chart-{build}") / NAME
        if not copied.exists():
            shutil.copytree(CHART, copied)
            said = copied / "Chart.yaml"
            said.write_text(
                re.sub(r"(?m)^(version|appVersion): .*", rf"\1: 0.0.{BUILDS.index(build)}", said.read_text())
            )
        return copied

    def _keep_what_pods_say(self) -> None:
        """Beside the test's files."""
        for pod in self.kubectl("get", "pods", "-o", "name").splitlines():
            path = self._values.with_name(f"{pod.partition('/')[2]}.log")
            with suppress(RuntimeError):  # one that has not started has no log
                path.write_text(self.kubectl("logs", "--all-containers", "--tail=2000", pod))
        self._values.with_name("pods.txt").write_text(self.kubectl("get", "pods,events", "-o", "wide"))


def trusting(authority: str) -> ssl.SSLContext:
    """Whoever reaches a Service by its address cannot have its name checked."""
    context = ssl.create_default_context(cadata=authority)
    context.check_hostname = False
    return context


def _tagged(values: dict[str, Any], build: str) -> dict[str, Any]:
    images = {"image": {"tag": build}, "poolDefaults": {"image": {"tag": build}}}
    return {**images, **values}


def _volume(folder: Path) -> dict[str, Any]:
    """Of this one machine, bound by whoever claims first."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": folder.name},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }
