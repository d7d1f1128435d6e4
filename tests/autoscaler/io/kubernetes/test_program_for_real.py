"""`moorage autoscaler` as a process of its own against a real API server, with the rights of role.yaml."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.autoscaler.io.kubernetes.real import Real
from tests.moorage.cli.fleet import Program, a_store, program

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(300)]
LEASE = "moorage-autoscaler"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "s"
    folder.mkdir()
    with a_store(folder) as url:
        yield url


def a_file(folder: Path, namespace: str, minimum: int) -> Path:
    path = folder / "pools.toml"
    path.write_text(
        f'[[pools]]\nregion = "eu"\npool = "gpu"\nslots = 8\nminimum = {minimum}\n'
        f'target = {{ kind = "kubernetes", namespace = "{namespace}", name = "web" }}\n'
    )
    return path


def page(of: Program) -> str:
    with urlopen(f"{of.said['observe']}/metrics", timeout=5) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
    return text


async def holder(fleet: Real) -> str:
    lease = await fleet.api.get(fleet.path("leases", LEASE, group="coordination.k8s.io"))
    return str(lease["spec"].get("holderIdentity") or "")


async def test_it_leads_by_its_lease_raises_a_deployment_and_hands_the_lease_back(
    fleet: Real, tmp_path: Path, store: str
) -> None:
    await fleet.deployment(replicas=1)
    await fleet.autoscaler()
    (kubeconfig,) = tmp_path.glob("*.kubeconfig")
    policy = a_file(tmp_path, fleet.namespace, minimum=3)

    async def is_raised() -> bool:
        return await fleet.replicas() == 3

    given = ("--store", store, "--policy", str(policy), "--kubeconfig", str(kubeconfig), "--metrics-port", "0")
    with program(tmp_path, "autoscaler", *given) as running:
        await fleet.until(is_raised, seconds=60.0)
        held_by = await holder(fleet)
        shown = await asyncio.to_thread(page, running)
        status = await asyncio.to_thread(running.stop)

    assert held_by
    assert 'moorage_autoscaler_leader{pool="gpu",region="eu"} 1.0' in shown
    assert "moorage_autoscaler_kubernetes_calls_total" in shown
    assert status == 0
    assert await holder(fleet) == ""
