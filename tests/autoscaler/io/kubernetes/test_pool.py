"""A target at a small API server: what it says when it cannot be read, and what it keeps to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from autoscaler.decision import Frozen
from autoscaler.io.kubernetes import guarding, reviewing, survey
from autoscaler.io.target import Failed, Written
from autoscaler.observation import Freeze
from autoscaler.pods import BUSY_COST, COST, NAMED_COST, PROTECTION
from autoscaler.policy import RemovalMode
from tests.autoscaler.io.kubernetes.settled import EVENTS, PODS, REVIEW, SCALED_OBJECTS, WEB, Fleet, a_pool, removal_of
from tests.autoscaler.io.kubernetes.stub import Stub, until
from tests.autoscaler.kubernetes_builders import a_pod_document


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


@pytest.fixture
def fleet(stub: Stub) -> Fleet:
    return Fleet(stub)


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


async def test_a_scale_without_a_selector_means_no_pod_and_not_each_of_the_namespace(fleet: Fleet) -> None:
    fleet.stub.says("GET", f"{WEB}/scale", {"spec": {"replicas": 3}, "status": {"replicas": 3}})
    async with a_pool(fleet.stub) as pool:
        found = await pool.look()

    assert found is not None
    assert found.members == ()
    assert [(each.freeze, each.blocks_up, each.blocks_down) for each in found.problems] == [(Freeze.TARGET, True, True)]
    assert "no selector" in found.problems[0].detail


async def test_rights_that_may_not_be_asked_for_are_taken_as_given(fleet: Fleet) -> None:
    fleet.stub.refuses("POST", REVIEW, 403)
    async with a_pool(fleet.stub) as pool:
        found = await pool.look()

    assert found is not None
    assert found.problems == ()


async def test_rights_on_the_target_are_asked_for_by_its_name_as_a_role_may_grant_them(fleet: Fleet) -> None:
    async with a_pool(fleet.stub) as pool:
        await pool.look()

    asked = [body["spec"]["resourceAttributes"] for _, path, _, body in fleet.stub.seen if path == REVIEW]
    assert {each["resource"]: each.get("name") for each in asked if "name" in each} == {"deployments": "web"}
    assert sum("name" in each for each in asked) == 3


async def test_without_keda_its_right_is_not_needed_and_its_kind_is_not_listed(fleet: Fleet) -> None:
    fleet.forbids_scaled_objects()
    async with a_pool(fleet.stub) as pool:
        found = [await pool.look() for _ in range(3)]

        assert await pool.raise_to(4, was=3) == Written(4)

    assert [each and each.problems for each in found] == [(), (), ()]
    assert fleet.stub.count("GET", SCALED_OBJECTS) == 0


async def test_without_keda_its_right_does_not_keep_pods_from_being_removed(fleet: Fleet) -> None:
    fleet.forbids_scaled_objects()
    fleet.stub.says("DELETE", f"{PODS}/web-1-a", {})
    async with a_pool(fleet.stub, removal=RemovalMode.EXACT) as pool:
        await pool.look()

        answer = await pool.remove([removal_of("web-1-a")], was=3)

    assert isinstance(answer, Written)
    assert answer.replicas == 2


async def test_keda_that_is_installed_later_makes_its_missing_right_a_condition(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "AGAIN", 0.0)
    fleet.forbids_scaled_objects()
    async with a_pool(fleet.stub) as pool:
        await pool.look()
        fleet.installs_keda()

        found = await pool.look()
        answers = [await pool.raise_to(4, was=3), await pool.remove([removal_of("web-1-a")], was=4)]

    assert found is not None
    assert [(each.freeze, each.blocks_up, each.blocks_down) for each in found.problems] == [(Freeze.RIVAL, False, True)]
    assert "may not list scaledobjects.keda.sh" in found.problems[0].detail
    assert [type(each) for each in answers] == [Written, Failed]
    assert fleet.stub.count("GET", SCALED_OBJECTS) == 0


async def test_a_right_that_is_taken_away_in_the_middle_is_doubted_once_and_then_left_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "RIVALS_EVERY", 0.0)
    async with a_pool(fleet.stub) as pool:
        assert (await pool.look()) is not None
        fleet.forbids_scaled_objects()

        refused, found = await pool.look(), await pool.look()

    assert refused is not None
    assert [each.freeze for each in refused.problems] == [Freeze.TARGET]
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

    assert fleet.annotated()[-1] == dict.fromkeys(PROTECTION)


async def test_a_busy_pod_that_an_abandoned_removal_had_named_is_not_named_any_more(fleet: Fleet) -> None:
    fleet.pods.pods[0] = a_pod_document("web-1-a", annotations={COST: str(NAMED_COST)})
    fleet.stub.says("PATCH", f"{PODS}/web-1-a", a_pod_document("web-1-a"))
    async with a_pool(fleet.stub) as pool:
        await pool.look()

        await pool.protect(["uid-web-1-a"], [])

    assert fleet.annotated()[-1] == {**PROTECTION, COST: str(BUSY_COST)}


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
