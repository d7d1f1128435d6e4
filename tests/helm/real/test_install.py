"""`helm install` with default values on an empty cluster: everything comes up, serves, scales, and goes again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

import moorage
from tests.helm.real.node import Node
from tests.helm.real.release import Release, trusting

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]
READY_SECONDS = 90.0
FIRST_ECHO_SECONDS = 120.0
SCALED_SECONDS = 240.0  # an autoscaler that has just begun lowers nothing for two minutes
LEFT_SECONDS = 120.0
MEMORY_MB = {"gateway": 80, "controlplane": 160, "autoscaler": 120}
PROGRAMS = ("gateway", "controlplane", "autoscaler")
POOL = {"region": "local", "pool": "example"}
OF_THE_CLUSTER = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
LEFT_BEHIND = {
    "persistentvolumeclaim/moorage-controlplane",
    "persistentvolumeclaim/moorage-valkey",
    "lease.coordination.k8s.io/moorage-autoscaler",
}
"""What NOTES.txt says."""


def test_from_an_empty_cluster_to_an_echo_to_three_workers_and_back_to_nothing(node: Node, tmp_path: Path) -> None:
    with Release(node, tmp_path) as release:
        began = monotonic()
        release.install()
        release.until_ready(READY_SECONDS)
        ready = monotonic() - began
        assert asyncio.run(_echo(release, "hello")) == "hello"
        echoed = monotonic() - began
        _say(f"ready after {ready:.1f} s, first echo after {echoed:.1f} s")
        assert ready <= READY_SECONDS
        assert echoed <= FIRST_ECHO_SECONDS

        _every_program_shows_its_metrics(release)
        _every_program_is_small(release)
        _a_scale_request_resizes_the_deployment(release)
        release.helm("test", "moorage")
        release.helm("uninstall", "moorage")
        _until(lambda: _left(release) == LEFT_BEHIND, LEFT_SECONDS, lambda: f"left: {_left(release)}")


async def _echo(release: Release, said: str) -> str | bytes:
    """Over wss, through the gateways' Service."""
    with release.rest() as rest:
        issued = rest.post("/sessions", json={"end_user_id": "first"}).raise_for_status().json()
    ssl = trusting(release.authority)
    async with moorage.connect(
        release.clients_url, issued["session_token"], ssl=ssl, connect_seconds=FIRST_ECHO_SECONDS
    ) as connection:
        await connection.send(said)
        async with asyncio.timeout(FIRST_ECHO_SECONDS):
            return await connection.recv()


def _every_program_shows_its_metrics(release: Release) -> None:
    for program in PROGRAMS:
        for pod in release.pods(program):
            url = f"http://{pod['status']['podIP']}:7402"
            assert httpx.get(f"{url}/livez", trust_env=False).status_code == 200
            assert "\nmoorage_" in httpx.get(f"{url}/metrics", trust_env=False).raise_for_status().text
    (worker,) = release.pods("worker")
    assert httpx.get(f"http://{worker['status']['podIP']}:7410/readyz", trust_env=False).status_code == 200


def _every_program_is_small(release: Release) -> None:
    """Working sets, as `kubectl top` shows them. The image's files count against the first pod that reads them, so that of one
    program's pods the smallest says what a program needs."""
    _until(lambda: len(_working_sets(release)) >= len(PROGRAMS) + 1, 60.0)
    found = _working_sets(release)

    _say(", ".join(f"{pod} {megabytes:.0f} MB" for pod, megabytes in sorted(found.items())))
    for program, most in MEMORY_MB.items():
        assert min(megabytes for pod, megabytes in found.items() if program in pod) <= most, program


def _working_sets(release: Release) -> dict[str, float]:
    said = json.loads(release.node.kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/stats/summary"))
    return {
        pod["podRef"]["name"]: sum(each["memory"].get("workingSetBytes", 0) for each in pod["containers"]) / 1e6
        for pod in said["pods"]
        if pod["podRef"]["namespace"] == release.namespace
    }


def _a_scale_request_resizes_the_deployment(release: Release) -> None:
    for workers in (3, 1):
        began = monotonic()
        with release.rest() as rest:
            wish: dict[str, Any] = {**POOL, "action": "set", "workers": workers, "reason": "a test", "ttl_seconds": 600}
            rest.post("/scale-requests", json=wish).raise_for_status()
        _until(lambda: _sizes(release) == (workers, workers, workers), SCALED_SECONDS, lambda: str(_sizes(release)))  # noqa: B023
        _say(f"{workers} workers after {monotonic() - began:.1f} s")


def _sizes(release: Release) -> tuple[int, int, int]:
    """What the Deployment asks for, the pods there are, and the workers that serve."""
    pool = release.node.document("-n", release.namespace, "get", "deployment", "moorage-pool-example")
    with release.rest() as rest:
        workers = rest.get("/workers").raise_for_status().json()["workers"]
    serving = sum(worker["status"] == "serving" for worker in workers)
    return pool["spec"]["replicas"], len(release.pods("worker")), serving


def _left(release: Release) -> set[str]:
    """Everything in the namespace but what Kubernetes keeps in each, and Events."""
    kinds = release.node.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").splitlines()
    names = [kind for kind in kinds if not kind.startswith("events")]
    found = release.kubectl("get", ",".join(names), "-o", "name", "--ignore-not-found").splitlines()
    return set(found) - OF_THE_CLUSTER


def _until(holds: Callable[[], bool], within: float, said: Callable[[], str] = lambda: "") -> None:
    """Raises AssertionError with what was there instead."""
    deadline = monotonic() + within
    while not holds():
        assert monotonic() < deadline, said()
        sleep(0.5)


def _say(line: str) -> None:
    """A figure, for whoever runs it with -s."""
    sys.stdout.write(f"\n{line}\n")
