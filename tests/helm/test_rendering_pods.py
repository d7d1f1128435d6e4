"""What every pod must be, whatever the values are."""

from __future__ import annotations

import base64
import json
import tomllib

import pytest

from tests.helm.charts import Document
from tests.helm.objects import Pod, of_kind, pods

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
FORBIDDEN_AT_POD = ("hostNetwork", "hostPID", "hostIPC")
SHORTEST_SECRET = 8
WRITES_SECONDS = 10  # a gateway that has drained writes its last end records, and leaves the store


def test_every_pod_passes_the_restricted_pod_security_standard(objects: tuple[Document, ...]) -> None:
    assert [trouble for pod in pods(objects) for trouble in _against_restricted(pod)] == []


def test_every_container_reads_only_a_root_that_nobody_writes(objects: tuple[Document, ...]) -> None:
    writable = [
        f"{pod.owner}: {container['name']}"
        for pod in pods(objects)
        for container in pod.containers
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True
    ]

    assert writable == []


def test_only_the_autoscaler_has_a_token_of_the_api_server(objects: tuple[Document, ...]) -> None:
    with_token = {pod.component for pod in pods(objects) if pod.spec.get("automountServiceAccountToken") is not False}

    assert with_token <= {"autoscaler"}


def test_every_pod_that_serves_has_probes_and_they_are_not_the_same(objects: tuple[Document, ...]) -> None:
    for pod in pods(objects):
        if pod.component in {"migrate", "test"}:
            continue
        for container in pod.spec["containers"]:
            assert {"livenessProbe", "readinessProbe"} <= container.keys(), f"{pod.owner}: {container['name']}"
            if pod.component != "valkey":
                assert container["livenessProbe"]["httpGet"]["path"] == "/livez", pod.owner
                assert container["readinessProbe"]["httpGet"]["path"] == "/readyz", pod.owner


def test_every_container_asks_for_memory_and_has_a_bound_of_it(objects: tuple[Document, ...]) -> None:
    for pod in pods(objects):
        for container in pod.containers:
            resources = container.get("resources", {})
            assert {"cpu", "memory"} <= resources.get("requests", {}).keys(), f"{pod.owner}: {container['name']}"
            assert "memory" in resources.get("limits", {}), f"{pod.owner}: {container['name']}"


def test_a_probe_asks_a_port_that_is_there(objects: tuple[Document, ...]) -> None:
    for pod in pods(objects):
        for container in pod.spec["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if asked := container.get(probe, {}).get("httpGet"):
                    assert asked["port"] in pod.ports, f"{pod.owner}: {probe}"


def test_what_is_mounted_is_a_volume_of_the_pod(objects: tuple[Document, ...]) -> None:
    for pod in pods(objects):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", ())}
        mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", ())}
        assert mounted <= volumes, pod.owner


def test_every_image_names_a_version(objects: tuple[Document, ...]) -> None:
    images = {container["image"] for pod in pods(objects) for container in pod.containers}
    unnamed = [image for image in images if image.endswith(":latest") or ":" not in image.rpartition("/")[2]]

    assert unnamed == []


def test_what_a_secret_holds_is_nowhere_else(objects: tuple[Document, ...]) -> None:
    others = json.dumps([each for each in objects if each["kind"] != "Secret"])
    for secret in of_kind(objects, "Secret"):
        encoded = dict(secret.get("data") or {})
        for key, value in (secret.get("stringData") or {}).items():
            encoded[key] = base64.b64encode(value.encode()).decode()
        for key, value in encoded.items():
            plain = base64.b64decode(value).decode()
            if len(plain) >= SHORTEST_SECRET and not key.endswith(".crt"):
                assert json.dumps(plain)[1:-1] not in others, f"{secret['metadata']['name']}: {key}"
                assert value not in others, f"{secret['metadata']['name']}: {key}"


def test_a_pod_has_longer_to_stop_than_it_drains(objects: tuple[Document, ...]) -> None:
    for pod in pods(objects):
        environment = {
            each["name"]: each.get("value") for each in pod.spec["containers"][0].get("env", ()) if "name" in each
        }
        said = [int(value) for key, value in environment.items() if key.endswith("DRAIN_SECONDS") and value]
        for seconds in said:
            assert pod.spec["terminationGracePeriodSeconds"] >= seconds + 15, pod.owner


def test_a_gateway_has_longer_to_stop_than_it_lingers_drains_and_writes_its_ends(objects: tuple[Document, ...]) -> None:
    (pod,) = [each for each in pods(objects) if each.component == "gateway"]
    (file,) = [each["data"]["moorage.toml"] for each in of_kind(objects, "ConfigMap") if _is_of(each, "gateway")]

    lingers = int(pod.containers[0]["lifecycle"]["preStop"]["exec"]["command"][1])
    drains = tomllib.loads(file)["gateway"]["drain_seconds"]
    assert pod.spec["terminationGracePeriodSeconds"] >= lingers + drains + WRITES_SECONDS


def _is_of(document: Document, component: str) -> bool:
    return bool(document["metadata"]["labels"]["app.kubernetes.io/component"] == component)


def _against_restricted(pod: Pod) -> list[str]:
    """The Pod Security Standards' restricted profile, the rules for Linux."""
    whole = pod.spec.get("securityContext", {})
    found = [f"{pod.owner}: {field}" for field in FORBIDDEN_AT_POD if pod.spec.get(field)]
    for volume in pod.spec.get("volumes", ()):
        found += [f"{pod.owner}: volume {kind}" for kind in volume.keys() - {"name"} - RESTRICTED_VOLUMES]
    for container in pod.containers:
        own = container.get("securityContext", {})
        rules = {
            "not root": own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
            "user": own.get("runAsUser", whole.get("runAsUser", 1)) != 0,
            "seccomp": own.get("seccompProfile", whole.get("seccompProfile", {})).get("type")
            in {"RuntimeDefault", "Localhost"},
            "escalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "drops": "ALL" in own.get("capabilities", {}).get("drop", ()),
            "adds": set(own.get("capabilities", {}).get("add", ())) <= {"NET_BIND_SERVICE"},
            "host ports": not any(port.get("hostPort") for port in container.get("ports", ())),
        }
        found += [f"{pod.owner}: {container['name']}: {rule}" for rule, holds in rules.items() if not holds]
    return found
