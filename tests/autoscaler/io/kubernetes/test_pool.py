"""A target at a small API server: what it says when it cannot be read, and what it sends when it acts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from autoscaler.decision import Frozen, Removal
from autoscaler.io.kubernetes import guarding
from autoscaler.io.kubernetes.pool import KubernetesPool
from autoscaler.io.target import Failed, Lost, Written
from autoscaler.observation import Freeze
from autoscaler.pods import COST, PROTECTION
from autoscaler.policy import KubernetesTarget, RemovalMode
from moorage.ids import WorkerId
from tests.autoscaler.io.kubernetes.stub import Stub, Watch, until
from tests.autoscaler.kubernetes_builders import a_deployment, a_pod_document, a_replica_set

ROOT = "/apis/apps/v1/namespaces/prod"
WEB = f"{ROOT}/deployments/web"
PODS = "/api/v1/namespaces/prod/pods"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
HPAS = "/apis/autoscaling/v2/namespaces/prod/horizontalpodautoscalers"
EVENTS = "/apis/events.k8s.io/v1/namespaces/prod/events"


class Fleet:
    """A settled Deployment of three ready pods, and everything allowed."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.replicas = 3
        self.pods = Watch(stub, PODS)
        self.pods.pods = [a_pod_document(f"web-1-{letter}") for letter in "abc"]
        stub.says("POST", REVIEW, {"status": {"allowed": True}}, 201)
        stub.says("GET", WEB, a_deployment())
        stub.says("GET", f"{ROOT}/replicasets", {"items": [a_replica_set()]})
        stub.says("GET", HPAS, {"items": []})
        stub.says("POST", EVENTS, {}, 201)
        stub.on("GET", f"{WEB}/scale", self._scale)
        stub.on("PATCH", f"{WEB}/scale", self._swap)

    def written(self) -> list[tuple[str, str]]:
        """Verb and path of all that changes something."""
        quiet = (REVIEW, EVENTS)
        return [(verb, path) for verb, path, _, _ in self.stub.seen if verb != "GET" and path not in quiet]

    async def _scale(self, request: web.Request) -> web.Response:
        return web.json_response({"spec": {"replicas": self.replicas}, "status": {"selector": "app=web"}})

    async def _swap(self, request: web.Request) -> web.Response:
        test, replace = await request.json()
        if test["value"] != self.replicas:
            return web.json_response({"code": 422, "message": "testing value failed"}, status=422)
        self.replicas = replace["value"]
        return await self._scale(request)


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


@pytest.fixture
def fleet(stub: Stub) -> Fleet:
    return Fleet(stub)


@asynccontextmanager
async def a_pool(
    stub: Stub, *, leads: Callable[[], bool] = lambda: True, removal: RemovalMode = RemovalMode.COST, **pace: float
) -> AsyncIterator[KubernetesPool]:
    target = KubernetesTarget("prod", "web", removal=removal)
    pool = KubernetesPool(
        stub.api, target, stub.metrics, leads, **{"settle_seconds": 0.0, "verify_seconds": 0.2} | pace
    )
    running = asyncio.create_task(pool.run())
    try:
        yield pool
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def removal_of(name: str) -> Removal:
    return Removal(WorkerId(f"wrk_{name}"), f"uid-{name}")


async def test_a_look_shows_replicas_members_and_no_problems(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        found = await pool.look()

        assert found is not None
        assert (found.replicas, found.problems) == (3, ())
        assert sorted(member.name for member in found.members) == ["web-1-a", "web-1-b", "web-1-c"]
    assert fleet.written() == []


async def test_a_pool_at_rest_is_not_written_to(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        for _ in range(5):
            await pool.look()
            await pool.protect([], ["uid-web-1-a"])

    assert fleet.written() == []


async def test_a_server_that_hangs_is_not_known_and_one_that_is_away_neither(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        assert await pool.look() is not None
        fleet.stub.is_hanging = True
        assert await pool.look() is None
        fleet.stub.is_hanging = False
        fleet.stub.refuses("GET", f"{WEB}/scale", 503)
        assert await pool.look() is None


async def test_credentials_that_are_refused_forbid_everything_and_say_so(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        await pool.look()
        fleet.stub.refuses("GET", f"{WEB}/scale", 401, "Unauthorized")

        found = await pool.look()

    assert found is not None
    assert found.replicas == 3
    assert [(each.freeze, each.blocks_up, each.blocks_down) for each in found.problems] == [(Freeze.TARGET, True, True)]


async def test_rights_that_may_not_be_asked_for_are_taken_as_given(fleet: Fleet) -> None:
    fleet.stub.refuses("POST", REVIEW, 403)
    async with a_pool(fleet.stub) as pool:
        found = await pool.look()

    assert found is not None
    assert found.problems == ()


async def test_a_throttled_write_says_when_to_come_again(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        await pool.look()
        fleet.stub.refuses("PATCH", f"{WEB}/scale", 429, "busy", Retry_After="9")

        answer = await pool.raise_to(4, was=3)

    assert isinstance(answer, Failed)
    assert answer.retry_after == 9.0


async def test_nothing_is_written_by_who_lost_the_lead_in_the_middle(fleet: Fleet) -> None:
    leads = True
    async with a_pool(fleet.stub, leads=lambda: leads) as pool:
        await pool.look()
        leads = False

        answers = [await pool.raise_to(4, was=3), await pool.remove([removal_of("web-1-a")], was=3)]
        await pool.protect(["uid-web-1-a"], [])

    assert all(isinstance(each, Failed) for each in answers)
    assert fleet.written() == []


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


async def test_protection_passes_over_a_pod_that_is_gone_and_is_lifted_after_a_while(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.pods.pods[1] = a_pod_document("web-1-b", annotations=dict(PROTECTION))
    fleet.stub.refuses("PATCH", f"{PODS}/web-1-a", 404)
    for letter in "bc":
        fleet.stub.says("PATCH", f"{PODS}/web-1-{letter}", a_pod_document(f"web-1-{letter}"))
    async with a_pool(fleet.stub) as pool:
        await pool.look()
        await pool.protect(["uid-web-1-a", "uid-web-1-c"], ["uid-web-1-b"])
        assert sorted(path[-1] for _, path in fleet.written()) == ["a", "c"]
        monkeypatch.setattr(guarding, "IDLE_SECONDS", 0.0)

        await pool.protect([], ["uid-web-1-b"])

    assert fleet.stub.seen[-1][3]["metadata"]["annotations"] == dict.fromkeys(PROTECTION)


async def test_a_freeze_is_told_when_it_begins_and_again_only_after_it_was_over(fleet: Fleet) -> None:
    frozen = Frozen(Freeze.SIGNAL, "no sample for 90 s")
    async with a_pool(fleet.stub) as pool:
        await pool.look()

        for now in (
            (),
            (frozen,),
            (replace(frozen, detail="no sample for 95 s"),),
            (),
            (replace(frozen, detail="again"),),
        ):
            pool.announce(now)
        await until(lambda: fleet.stub.metrics.events.labels("written")._value.get() == 2)

    events = [body for verb, path, _, body in fleet.stub.seen if (verb, path) == ("POST", EVENTS)]
    assert [(each["reason"], each["note"], each["type"]) for each in events] == [
        ("FrozenSignal", "no sample for 90 s", "Warning"),
        ("FrozenSignal", "again", "Warning"),
    ]
    assert events[0]["regarding"]["uid"] == "dep-1"


async def test_no_more_than_a_few_things_are_told_and_nothing_twice(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        await pool.look()

        for number in range(50):
            pool.announce(())
            pool.announce((Frozen(Freeze.SIGNAL, f"word {number // 2}"),))
        await until(lambda: fleet.stub.metrics.events.labels("written")._value.get() == 20)

    notes = [body["note"] for verb, path, _, body in fleet.stub.seen if (verb, path) == ("POST", EVENTS)]
    assert notes == [f"word {number}" for number in range(20)]
