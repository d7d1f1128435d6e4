"""Removals at a small API server: what is sent, in which order, and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from autoscaler.io.target import Failed, Lost, Written
from autoscaler.pods import COST, PROTECTION
from autoscaler.policy import RemovalMode
from tests.autoscaler.io.kubernetes.settled import PODS, WEB, Fleet, a_pool, removal_of
from tests.autoscaler.io.kubernetes.stub import Stub, until
from tests.autoscaler.kubernetes_builders import a_pod_document


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


@pytest.fixture
def fleet(stub: Stub) -> Fleet:
    return Fleet(stub)


async def test_a_named_pod_that_carries_sessions_is_not_touched(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        await pool.look()
        fleet.stub.says("PATCH", f"{PODS}/web-1-a", a_pod_document("web-1-a", annotations=dict(PROTECTION)))
        await pool.protect(["uid-web-1-a"], [])

        answer = await pool.remove([removal_of("web-1-a")], was=3)

    assert answer == Failed("a named pod carries sessions")
    assert fleet.replicas == 3


async def test_a_cost_that_somebody_else_writes_over_ends_the_removal(fleet: Fleet) -> None:
    fleet.stub.says("PATCH", f"{PODS}/web-1-a", a_pod_document("web-1-a", annotations={COST: "0"}))
    async with a_pool(fleet.stub) as pool:
        await pool.look()

        answer = await pool.remove([removal_of("web-1-a")], was=3)

    assert isinstance(answer, Failed)
    assert "somebody else writes pod-deletion-cost of web-1-a" in answer.detail
    assert fleet.replicas == 3


async def test_an_exact_removal_deletes_by_uid_and_version_and_then_lowers(fleet: Fleet) -> None:
    fleet.stub.says("DELETE", f"{PODS}/web-1-a", {})
    async with a_pool(fleet.stub, removal=RemovalMode.EXACT, verify_seconds=5.0) as pool:
        await pool.look()
        removing = asyncio.create_task(pool.remove([removal_of("web-1-a")], was=3))
        await until(lambda: fleet.replicas == 2)
        fleet.pods.tell("DELETED", a_pod_document("web-1-a", version="200"))

        assert await removing == Written(2, (removal_of("web-1-a"),))

    assert fleet.written() == [("DELETE", f"{PODS}/web-1-a"), ("PATCH", f"{WEB}/scale")]
    deletion = next(body for verb, _, _, body in fleet.stub.seen if verb == "DELETE")
    assert deletion["preconditions"] == {"uid": "uid-web-1-a", "resourceVersion": "10"}


async def test_an_exact_removal_of_a_pod_that_was_replaced_by_another_of_its_name_lowers_nothing(fleet: Fleet) -> None:
    fleet.stub.refuses("DELETE", f"{PODS}/web-1-a", 409, "the UID in the precondition does not match")
    async with a_pool(fleet.stub, removal=RemovalMode.EXACT) as pool:
        await pool.look()

        answer = await pool.remove([removal_of("web-1-a")], was=3)

    assert isinstance(answer, Failed | Lost)
    assert fleet.replicas == 3


async def test_a_detached_pod_is_taken_back_where_the_replicas_were_moved(fleet: Fleet) -> None:
    fleet.stub.says("PATCH", f"{PODS}/web-1-a", a_pod_document("web-1-a"))
    async with a_pool(fleet.stub, removal=RemovalMode.DETACH) as pool:
        await pool.look()
        fleet.replicas = 7

        answer = await pool.remove([removal_of("web-1-a")], was=3)

    assert isinstance(answer, Lost)
    patches: list[Any] = [
        body["metadata"]["labels"] for _, path, _, body in fleet.stub.seen if path.endswith("web-1-a")
    ]
    assert patches == [
        {"pod-template-hash": None, "moorage.dev/detached": "true"},
        {"pod-template-hash": "1", "moorage.dev/detached": None},
    ]


async def test_a_pod_that_a_dead_autoscaler_left_detached_is_deleted(fleet: Fleet) -> None:
    left = a_pod_document("web-1-d", owner=None, labels={"app": "web", "moorage.dev/detached": "true"})
    fleet.pods.pods.append(left)
    fleet.stub.says("DELETE", f"{PODS}/web-1-d", {})
    async with a_pool(fleet.stub) as pool:
        found = await pool.look()

        await pool.protect([], [])

    assert found is not None
    assert "web-1-d" not in {member.name for member in found.members}
    assert fleet.written() == [("DELETE", f"{PODS}/web-1-d")]
