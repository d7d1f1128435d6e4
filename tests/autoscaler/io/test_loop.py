"""The loop in virtual time: what it does early, what it survives, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from autoscaler.decide import decide
from autoscaler.decision import Decision
from autoscaler.io import pool as module
from autoscaler.io.leading import LEAD_SECONDS
from autoscaler.io.target import Failed, Lost
from autoscaler.memory import Memory
from autoscaler.observation import Freeze, Observation, Problem
from autoscaler.policy import KubernetesTarget, PoolPolicy
from scheduler.values import End, Outcome, ScaleAction
from tests.autoscaler.io.yard import POOL, REGION, Yard, a_policy
from tests.scheduler.builders import a_scale_request

patient = pytest.mark.looptime


@patient
async def test_a_queue_that_fills_is_answered_within_a_second_whatever_the_interval() -> None:
    async with Yard(a_policy(every=60.0)) as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(10.0)

        for _ in range(6):
            await yard.claim()

        assert await yard.until(lambda: "raise" in "".join(yard.target.log)) <= 1.0


@patient
async def test_a_scale_request_is_answered_within_a_second() -> None:
    async with Yard(a_policy(every=60.0)) as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(10.0)
        now = yard.memory.now()

        await yard.memory.put_scale_request(
            a_scale_request(action=ScaleAction.SET, region=REGION, pool=POOL, workers=3, created_at=now)
        )

        assert await yard.until(lambda: "raise 1 to 3" in yard.target.log) <= 1.0


@patient
async def test_it_grows_and_shrinks_again_and_removes_nobody_with_a_session() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        held = [await yard.claim() for _ in range(10)]
        await yard.until(lambda: _serve(yard, 4))
        await yard.until(lambda: yard.metric("waiting_sessions") == 0)

        for session in await yard.memory.sessions():
            await yard.memory.end(End(session.session, Outcome.COMPLETED, None, "done", "client", session.fence))
        took = await yard.until(lambda: yard.metric("target_replicas") == 1, within=120.0)

        assert len(held) == 10
        assert took >= 5.0
        assert yard.metric("sessions_cut_total", cause="scale_in") == 0
        assert yard.metric("reversals_total") == 1


@patient
async def test_nothing_is_written_while_the_load_stands_still() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        await yard.claim()
        await asyncio.sleep(60.0)
        before = list(yard.target.log)

        await asyncio.sleep(600.0)

        assert yard.target.log == before


@patient
async def test_without_its_store_it_changes_nothing_and_goes_on_when_it_is_back() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(5.0)
        before = list(yard.target.log)

        yard.reach.cut()
        await asyncio.sleep(3.0)
        assert yard.metric("frozen", reason="registry") == 1
        await asyncio.sleep(60.0)
        assert yard.target.log == before

        yard.reach.mend()
        for _ in range(6):
            await yard.claim()
        await yard.until(lambda: "raise" in "".join(yard.target.log))
        await yard.until(lambda: yard.metric("frozen", reason="registry") == 0)


@patient
async def test_a_pool_that_fails_does_not_stop_the_others() -> None:
    async with Yard(a_policy(pool="never"), a_policy()) as yard:
        yard.targets["never"].look_error = RuntimeError("as broken as can be")
        await yard.until(yard.serving)

        for _ in range(12):
            await yard.claim()

        await yard.until(lambda: "raise" in "".join(yard.targets[POOL].log))


@patient
async def test_a_write_that_was_lost_is_looked_at_again_and_counted() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        yard.target.answers.append(Lost("an operator was faster"))

        for _ in range(6):
            await yard.claim()

        await yard.until(lambda: len(yard.target.log) == 2, within=3.0)
        assert yard.metric("conflicts_total") == 1


@patient
async def test_a_target_that_asks_for_time_gets_it() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        yard.target.answers.append(Failed("429 Too Many Requests", retry_after=20.0))
        for _ in range(6):
            await yard.claim()
        await yard.until(lambda: yard.target.log)

        assert await yard.until(lambda: len(yard.target.log) == 2) >= 19.0


@patient
async def test_one_of_two_leads_and_the_other_takes_over_with_its_memory() -> None:
    async with Yard() as yard:
        await yard.until(lambda: yard.metric("leader") == 1)
        await asyncio.sleep(15.0)  # the memory is kept
        other = yard.another()
        await other.start(yard.policies)
        try:
            await asyncio.sleep(2.0)
            assert [leader.is_leading for leader in yard.leaders] == [True, False]

            await yard.autoscaler.stop()

            assert await yard.until(lambda: yard.leaders[1].is_leading) <= 2.0
            await asyncio.sleep(2.0)
            assert b'"watched_since":170000000' in (await yard.memory.memory(f"autoscaler:{REGION}/{POOL}") or b"")
        finally:
            await other.close()


@patient
async def test_who_is_cut_off_stops_leading_before_another_may_begin() -> None:
    async with Yard() as yard:
        await yard.until(lambda: yard.leaders and yard.leaders[0].is_leading)

        yard.reach.cut()

        assert await yard.until(lambda: not yard.leaders[0].is_leading) < LEAD_SECONDS


@patient
async def test_its_status_lets_sessions_wait_and_outlives_a_few_looks() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(5.0)

        (status,) = await yard.memory.pool_statuses()

        assert (status.minimum, status.maximum, status.slots_per_worker, status.target) == (1, 100, 4, "local")
        assert 10.0 < status.until - yard.memory.now() <= 15.0


@patient
async def test_each_change_and_each_minute_leave_a_record_of_what_was_seen() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        for _ in range(6):
            await yard.claim()
        await yard.until(lambda: _serve(yard, 3), within=60.0)
        await asyncio.sleep(121.0)

        records = await yard.memory.decisions(REGION, POOL, 100)
        change = json.loads(next(record.document for record in reversed(records) if record.is_change))

        assert sum(not record.is_change for record in records) in (2, 3)
        assert change["inputs"]["waiting"] > 0
        assert change["done"]["replicas"] == change["replicas"] > change["inputs"]["replicas"] == 1
        assert {candidate["source"] for candidate in change["candidates"]} >= {"registry", "minimum"}


@patient
async def test_policies_are_taken_over_and_a_pool_that_is_gone_is_closed() -> None:
    async with Yard(a_policy(), a_policy(pool="other")) as yard:
        await yard.until(yard.serving)

        yard.autoscaler.follow([a_policy(minimum=3)])

        await yard.until(lambda: _serve(yard, 3), within=5.0)
        await yard.until(lambda: yard.targets["other"].is_closed)
        assert yard.autoscaler.pools == ((REGION, POOL),)
        assert not yard.targets[POOL].is_closed


@patient
async def test_another_target_is_opened_anew() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        before, yard.targets[POOL] = yard.target, yard.targets[POOL]

        yard.autoscaler.follow([replace(a_policy(), target=KubernetesTarget("here", "gpu"))])

        await yard.until(lambda: before.is_closed)


@patient
async def test_who_carries_sessions_is_told_to_the_target() -> None:
    async with Yard(a_policy(minimum=2)) as yard:
        await yard.until(lambda: _serve(yard, 2))

        await yard.claim()

        await yard.until(lambda: yard.target.protected[0])
        busy, idle = yard.target.protected
        assert (len(busy), len(idle)) == (1, 1)


@patient
async def test_a_wrong_victim_counts_once_for_as_long_as_it_is_a_problem() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        yard.target.problems = (Problem(Freeze.WRONG_VICTIM, "gpu-7 went instead of gpu-3"),)
        await asyncio.sleep(10.0)

        assert yard.metric("wrong_victims_total") == 1
        assert yard.metric("frozen", reason="wrong_victim") == 1


@patient
async def test_a_memory_that_nobody_can_read_is_forgotten() -> None:
    async with Yard() as yard:
        await yard.autoscaler.stop()
        await yard.memory.keep_memory(f"autoscaler:{REGION}/{POOL}", b"{not json")
        other = yard.another()
        await other.start(yard.policies)
        try:
            await asyncio.sleep(15.0)
            assert (await yard.memory.memory(f"autoscaler:{REGION}/{POOL}") or b"").startswith(b'{"')
        finally:
            await other.close()


@patient
@pytest.mark.parametrize("wrong", [b'"spread":-1', b'"habits":{"rates":[1.0]}'])
async def test_a_damaged_memory_ends_no_look_and_its_cordons_stay_ours(wrong: bytes) -> None:
    async with Yard(a_policy(minimum=2)) as yard:
        await yard.until(lambda: _serve(yard, 2))
        await yard.autoscaler.stop()
        ours = (await yard.workers())[0]
        await yard.memory.cordon(ours)
        await yard.memory.keep_memory(f"autoscaler:{REGION}/{POOL}", b'{"cordoned":["%s"],%s}' % (ours.encode(), wrong))
        other = yard.another()
        await other.start(yard.policies)
        try:
            await yard.until(lambda: _serve(yard, 2), within=15.0)
            assert other.is_looking
        finally:
            await other.close()


@patient
async def test_what_nobody_thought_of_in_a_memory_is_forgotten_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(policy: PoolPolicy, seen: Observation, memory: Memory, now: float) -> tuple[Decision, Memory]:
        if 13.5 in memory.leads:
            raise ZeroDivisionError("of the thirteenth")
        return decide(policy, seen, memory, now)

    monkeypatch.setattr(module, "decide", fragile)
    async with Yard() as yard:
        await yard.until(yard.serving)
        await yard.autoscaler.stop()
        name = f"autoscaler:{REGION}/{POOL}"
        await yard.memory.keep_memory(name, b'{"leads":[13.5]}')
        other = yard.another()
        await other.start([a_policy(minimum=2)])
        try:
            await yard.until(lambda: _serve(yard, 2), within=15.0)
            assert b"13.5" not in (await yard.memory.memory(name) or b"13.5")
        finally:
            await other.close()


@patient
async def test_a_clock_that_is_set_back_by_a_day_is_followed() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(10.0)

        yard.skew = -86_400.0
        now = yard.memory.now()
        await yard.memory.put_scale_request(
            a_scale_request(action=ScaleAction.SET, region=REGION, pool=POOL, workers=3, created_at=now)
        )

        assert await yard.until(lambda: "raise 1 to 3" in yard.target.log) <= 3.0
        (status,) = await yard.memory.pool_statuses()
        assert status.until <= yard.memory.now() + 15.0


async def _serve(yard: Yard, workers: int) -> bool:
    return await yard.serving() == workers


@patient
async def test_who_leads_again_after_a_while_reads_what_others_learned_meanwhile() -> None:
    async with Yard(a_policy(every=60.0)) as yard:
        await yard.until(yard.serving)
        await asyncio.sleep(15.0)
        name = f"autoscaler:{REGION}/{POOL}"
        own = await yard.memory.memory(name) or b""
        yard.reach.cut()
        await yard.until(lambda: not yard.leaders[0].is_leading)
        await yard.memory.keep_memory(name, own.replace(b'"leads":[]', b'"leads":[9.0,9.0,9.0]'))

        yard.reach.mend()
        await yard.until(lambda: yard.leaders[0].is_leading)

        assert await yard.until(lambda: yard.metric("lead_seconds") == 9.0) <= 2.0


@patient
async def test_a_removal_that_another_leader_began_is_finished() -> None:
    async with Yard() as yard:
        await yard.until(yard.serving)
        for _ in range(6):
            await yard.claim()
        await yard.until(lambda: yard.metric("waiting_sessions") == 0 and yard.metric("target_replicas") > 1)
        for session in await yard.memory.sessions():
            await yard.memory.end(End(session.session, Outcome.COMPLETED, None, "done", "client", session.fence))
        yard.target.answers.append(Failed("the API server went away"))
        await yard.until(lambda: any(said.startswith("remove") for said in yard.target.log), within=60.0)
        await yard.autoscaler.stop()
        other = yard.another()
        await other.start(yard.policies)
        try:
            await yard.until(lambda: len([said for said in yard.target.log if said.startswith("remove")]) > 1)
            await yard.until(lambda: _serve(yard, 1))
        finally:
            await other.close()
