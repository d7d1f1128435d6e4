"""The command on a real API server, controllers and scheduler; kwok plays nodes. What a kubelet would say is patched in."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from autoscaler.io.kubernetes.api import Document
from moorage.cli.root import moorage
from tests.autoscaler.io.kubernetes.real import Real
from tests.helm.charts import CHART, require_helm
from tests.moorage.cli.installation.builders import meta, waiting

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

RBAC = {"group": "rbac.authorization.k8s.io"}


async def test_an_empty_namespace_has_no_release(fleet: Real) -> None:
    status, found = await doctor(fleet)

    assert status == 1
    assert found["API server"]["grade"] == "ok"
    assert f"there is no installation of the chart in namespace {fleet.namespace}" in found["release"]["sentence"]


async def test_a_release_in_order_passes(fleet: Real) -> None:
    fleet.only_with_kwok()
    for part in ("gateway", "controlplane"):
        await a_workload(fleet, part)
    await settled(fleet, 2)

    status, found = await doctor(fleet)

    assert (status, found["gateway"]["sentence"]) == (0, "1 of 1 pods ready")


async def test_the_chart_as_it_is_installed_passes_until_somebody_else_scales_a_pool(fleet: Real) -> None:
    """kwok says that pods are ready; what they would say themselves is others' tests."""
    fleet.only_with_kwok()
    without_volumes = ["--set", "valkey.persistence.enabled=false", "--set", "controlplane.persistence.enabled=false"]
    command = [require_helm(), "install", "m", str(CHART), "--namespace", fleet.namespace, *without_volumes]
    environment = dict(os.environ) | {"KUBECONFIG": str(fleet.place.kubeconfig)}
    done = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    assert await asyncio.wait_for(done.wait(), 60) == 0
    await settled(fleet, 4)

    async def passes() -> bool:
        return (await doctor(fleet))[0] == 0

    await fleet.until(passes)
    _, found = await doctor(fleet)
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m-moorage-pool-example"}
    hpa = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": aim, "maxReplicas": 3}}
    await fleet.create(fleet.path("horizontalpodautoscalers", group="autoscaling", version="v2"), hpa)
    status, rivals = await doctor(fleet)

    assert found["release"]["sentence"].endswith("has autoscaler, controlplane, gateway, valkey, pool example")
    assert found["TLS"]["grade"] == "ok"
    assert (status, "our autoscaler freezes" in rivals["pool example"]["sentence"]) == (1, True)


async def test_a_missing_secret_is_named(fleet: Real) -> None:
    """The pod is real, on a node that nobody plays; its container's status is what a kubelet writes."""
    await a_workload(fleet, "gateway", nodeName="nobody")
    [pod] = await fleet.until(lambda: pods(fleet, 1))
    container = waiting("CreateContainerConfigError", 'secret "m-redis" not found')["containerStatuses"][0]
    container |= {"ready": False, "image": "x", "imageID": ""}
    scheduled = {"type": "PodScheduled", "status": "True"}
    status = {"phase": "Pending", "containerStatuses": [container], "conditions": [scheduled]}
    await fleet.api.patch(fleet.path("pods", pod["metadata"]["name"], group="") + "/status", {"status": status})

    code, found = await doctor(fleet)

    assert code == 1
    assert "Secret m-redis is not there" in found["gateway"]["sentence"]


async def test_a_pod_that_no_node_takes_gives_the_schedulers_reason(fleet: Real) -> None:
    fleet.only_with_kwok()
    await a_workload(fleet, "gateway", resources={"requests": {"memory": "900Ti"}})

    async def told() -> bool:
        return "Insufficient memory" in (await doctor(fleet))[1].get("gateway", {}).get("sentence", "")

    await fleet.until(told)


async def test_a_quota_and_pod_security_are_named_as_the_server_words_them(fleet: Real) -> None:
    await fleet.api.patch(
        f"/api/v1/namespaces/{fleet.namespace}",
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
    )
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    await a_workload(fleet, "gateway")

    async def refused(words: str) -> bool:
        return words in (await doctor(fleet))[1].get("gateway", {}).get("sentence", "")

    await fleet.until(lambda: refused("Pod Security restricted:latest refuses its pods"))
    await fleet.api.patch(
        f"/api/v1/namespaces/{fleet.namespace}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}
    )
    await fleet.create(fleet.path("resourcequotas", group=""), quota)
    await a_workload(fleet, "controlplane")

    async def by_quota() -> bool:
        said = (await doctor(fleet))[1].get("controlplane", {}).get("sentence", "")
        return "the quota small refuses its pods" in said

    await fleet.until(by_quota)


async def test_an_hpa_beside_our_autoscaler_and_a_budget_that_lets_nobody_go(fleet: Real) -> None:
    fleet.only_with_kwok()
    await a_workload(fleet, "autoscaler")
    await a_workload(fleet, "worker", name="m-moorage-pool-gpu")
    target = f'target = {{ kind = "kubernetes", namespace = "{fleet.namespace}", name = "m-moorage-pool-gpu" }}'
    policy = {"metadata": own("m-moorage-autoscaler"), "data": {"p.toml": f'[[pools]]\npool = "gpu"\n{target}\n'}}
    await fleet.create(fleet.path("configmaps", group=""), policy)
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m-moorage-pool-gpu"}
    hpa = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": aim, "maxReplicas": 3}}
    await fleet.create(fleet.path("horizontalpodautoscalers", group="autoscaling", version="v2"), hpa)
    selector = {"matchLabels": {"app.kubernetes.io/component": "worker"}}
    budget = {"metadata": own("m-worker"), "spec": {"maxUnavailable": 0, "selector": selector}}
    await fleet.create(fleet.path("poddisruptionbudgets", group="policy"), budget)
    await settled(fleet, 2)

    async def counted() -> bool:
        return "disruption" in (await doctor(fleet))[1]

    await fleet.until(counted)
    status, found = await doctor(fleet)

    assert status == 1
    assert "m-worker lets no pod go (1 of 1 healthy, 1 needed)" in found["disruption"]["sentence"]
    assert any("HorizontalPodAutoscaler web scales" in each["sentence"] for each in found["every"]["pool gpu"])


async def test_a_claim_without_a_class_is_explained(fleet: Real) -> None:
    await a_workload(fleet, "gateway")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"}
    await fleet.create(fleet.path("persistentvolumeclaims", group=""), {"metadata": own("m-valkey"), "spec": spec})

    async def told() -> bool:
        return "there is no storage class fast" in (await doctor(fleet))[1].get("volumes", {}).get("advice", "")

    await fleet.until(told)


async def test_a_certificate_that_cannot_be_read_is_told_and_its_key_never(fleet: Real) -> None:
    volume = {"name": "tls", "secret": {"secretName": "m-tls"}}
    await a_workload(fleet, "gateway", volumes=[volume])
    data = {"tls.crt": "no certificate", "tls.key": "a-private-key"}
    await fleet.create(fleet.path("secrets", group=""), {"metadata": own("m-tls"), "stringData": data})

    _, found = await doctor(fleet)

    assert found["TLS"]["sentence"] == "Secret m-tls has no certificate that can be read"
    assert "a-private-key" not in json.dumps(found)


async def test_credentials_that_are_not_known_fail_with_what_to_do(fleet: Real, tmp_path: Path) -> None:
    said = yaml.safe_load(fleet.place.kubeconfig.read_text())
    said["users"] = [{**each, "user": {"token": "not-a-token"}} for each in said["users"]]
    wrong = tmp_path / "wrong.kubeconfig"
    wrong.write_text(yaml.safe_dump(said))

    status, found = await doctor(fleet, wrong)

    assert status == 1
    assert "it does not know these credentials" in found["API server"]["sentence"]


async def test_what_may_not_be_read_is_said_and_the_rest_is_judged(fleet: Real) -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}]
    few = await credentials(fleet, "few", rules)
    none = await credentials(fleet, "none", [])
    await a_workload(fleet, "gateway")

    status, found = await doctor(fleet, few)
    blind, nothing = await doctor(fleet, none)

    assert (status, blind) == (1, 1)
    assert found["gateway"]["sentence"].endswith("still starting") or "pods ready" in found["gateway"]["sentence"]
    assert "could not look at" in found["not looked at"]["sentence"]
    assert f"system:serviceaccount:{fleet.namespace}:few may not read them" in found["not looked at"]["sentence"]
    assert "deployments" in nothing["not looked at"]["sentence"]


async def doctor(fleet: Real, kubeconfig: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Its status, the first finding of each subject, and under "every" all of them."""
    words = ["doctor", "--kubernetes", "--namespace", fleet.namespace, "--json"]
    where = ["--kubeconfig", str(kubeconfig or fleet.place.kubeconfig)]
    answer = await asyncio.to_thread(CliRunner().invoke, moorage, [*words, *where])
    every: dict[str, list[Any]] = {}
    for finding in json.loads(answer.stdout):
        every.setdefault(finding["subject"], []).append(finding)
    worst = {subject: max(all_of_it, key=_badness) for subject, all_of_it in every.items()}
    return answer.exit_code, {**worst, "every": every}


def _badness(finding: dict[str, str]) -> int:
    return ["ok", "note", "warn", "fail"].index(finding["grade"])


def own(name: str, component: str = "") -> Document:
    """Metadata that a release's object has, less what the server sets."""
    said = meta(name, component)
    return {"name": said["name"], "labels": said["labels"]}


async def a_workload(fleet: Real, component: str, *, name: str = "", **pod: Any) -> None:
    """A Deployment of one pod, and its Services."""
    name = name or f"m-moorage-{component}"
    container = {"name": "main", "image": "example.com/moorage:1"} | {
        key: pod.pop(key) for key in ("resources",) if key in pod
    }
    labels = own(name, component)["labels"]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]} | pod}
    selector = {"matchLabels": {"app.kubernetes.io/component": component}}
    spec = {"replicas": 1, "selector": selector, "template": template}
    await fleet.create(fleet.path("deployments"), {"metadata": own(name, component), "spec": spec})
    for service in ("gateway", "links") if component == "gateway" else (component,):
        port = {"ports": [{"port": 80}], "selector": labels}
        document = {"metadata": own(f"m-moorage-{service}", component), "spec": port}
        await fleet.create(fleet.path("services", group=""), document)


async def pods(fleet: Real, count: int) -> list[Document]:
    found = (await fleet.api.get(fleet.path("pods", group="")))["items"]
    return found if len(found) == count else []


async def settled(fleet: Real, count: int) -> None:
    """So many Deployments, each with all its pods ready."""

    async def ready() -> bool:
        found = (await fleet.api.get(fleet.path("deployments")))["items"]
        ready = [each.get("status", {}).get("readyReplicas", 0) == each["spec"]["replicas"] for each in found]
        return len(ready) == count and all(ready)

    await fleet.until(ready, seconds=60)


async def credentials(fleet: Real, name: str, rules: list[Document]) -> Path:
    """A kubeconfig of a service account with these rules."""
    await fleet.create(fleet.path("serviceaccounts", group=""), {"metadata": {"name": name}})
    await fleet.create(fleet.path("roles", **RBAC), {"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": fleet.namespace}
    role = {"apiGroup": RBAC["group"], "kind": "Role", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    await fleet.create(fleet.path("rolebindings", **RBAC), binding)
    return await fleet._kubeconfig(name)
