"""A pool through time: each test is a story of what comes, what is decided, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.observation import Freeze, Health, Phase, Problem, Sample
from autoscaler.policy import Rule
from scheduler.values import ScaleAction, WorkerState
from tests.autoscaler.builders import NOW, Timeline, a_member, a_policy, a_request, a_settled_pool, a_worker, freezes

RULE = Rule("ringing", "sum(ringing)", per_worker=8)
HOUR = 3600.0


def test_a_quiet_pool_with_room_is_left_alone() -> None:
    line = Timeline().serve(4)

    decision = line.run(600.0)

    assert line.written == []
    assert (decision.desired, decision.replicas, decision.sessions) == (1, 1, 4)


def test_too_few_free_slots_order_a_worker_at_once() -> None:
    line = Timeline().serve(7)

    decision = line.look()

    assert decision.replicas == 2
    assert decision.winner == "registry"


def test_what_was_ordered_is_not_ordered_again_while_it_starts() -> None:
    line = Timeline().serve(7)

    line.run(55.0)

    assert line.written == [(NOW, 2)]


def test_a_member_that_does_not_start_is_replaced_once_and_named() -> None:
    line = Timeline(start=1e9).serve(7)

    decision = line.run(1000.0)

    assert [replicas for _, replicas in line.written] == [2, 3]
    assert any("pod-2" in limit.detail for limit in decision.limits)


def test_a_failing_member_is_no_supply() -> None:
    line = Timeline().serve(7)
    line.members[2] = a_member(2, Phase.FAILING)
    line.replicas = 2

    decision = line.look()

    assert decision.replicas == 3


def test_a_step_is_met_by_all_it_needs_within_twenty_seconds() -> None:
    line = a_settled_pool(*[8] * 12, 4)
    line.serve(*[8] * 13)
    begun = line.now

    for second in range(5, 31, 5):
        line.now = begun + second
        line.waiting = min(400, round(400 * second / 30.0)) - 4
        line.look()

    enough = next(at for at, replicas in line.written if replicas * 8 >= 500)
    assert enough - begun <= 20.0


def test_cordoned_workers_serve_again_before_any_is_ordered() -> None:
    line = a_settled_pool(8, 8, 8, 4)
    line.serve(6, 2, 0, 0)
    line.run(30.0)
    assert WorkerState.CORDONED in {worker.state for worker in line.workers.values()}
    before = len(line.written)

    line.serve(8, 8)
    decision = line.look()

    assert decision.uncordon
    assert before == len(line.written)


def test_an_operators_cordon_is_never_undone() -> None:
    line = Timeline().serve(8, 8)
    line.workers[3] = a_worker(3, 0, WorkerState.CORDONED)
    line.members[3] = a_member(3)
    line.replicas = 3

    decision = line.look()

    assert decision.uncordon == ()
    assert decision.replicas >= 4


def test_a_worker_that_an_operator_drains_is_no_longer_ours() -> None:
    line = a_settled_pool(6, 2, 1)
    ours = next(number for number, worker in line.workers.items() if worker.state is WorkerState.CORDONED)
    line.workers[ours] = replace(line.workers[ours], state=WorkerState.DRAINING, used=0)

    line.run(HOUR)

    assert ours not in line.removed
    assert line.workers[ours].worker not in line.memory.cordoned


def test_sessions_on_draining_workers_are_no_demand_and_their_slots_no_supply() -> None:
    line = Timeline().serve(3)
    line.workers[2] = a_worker(2, 7, WorkerState.DRAINING)
    line.members[2] = a_member(2)
    line.replicas = 2

    decision = line.look()

    assert (decision.sessions, decision.replicas, decision.desired) == (3, 2, 1)


def test_a_fall_is_followed_when_the_window_allows_it_and_by_the_empty_ones_only() -> None:
    line = a_settled_pool(*[8] * 10, 4, 0)
    fell_at = line.now + 5.0

    line.now = fell_at
    line.serve(8, 8, 8, 4, 0, 0, 0, 0, 0, 0, 1)
    line.run(2 * HOUR)

    assert not {1, 2, 3, 4, 11} & set(line.removed)
    assert line.replicas <= 6
    assert all(at >= fell_at + line.policy.down_window - 60.0 for at, _ in line.written if at > fell_at)


def test_nothing_is_lowered_until_the_pool_was_watched_for_long_enough() -> None:
    line = Timeline().serve(4, 0, 0, 0)

    line.run(600.0)

    assert line.written == []
    assert Freeze.SETTLING in freezes(line)


def test_a_worker_is_cordoned_and_seen_empty_before_it_is_retired() -> None:
    line = a_settled_pool(2, 0, 0)
    states = {number: worker.state for number, worker in line.workers.items()}

    line.run(HOUR)

    assert line.removed
    assert all(states.get(number) is not WorkerState.SERVING for number in line.removed)


def test_a_lost_registry_lowers_nothing_and_keeps_the_last_demand() -> None:
    line = a_settled_pool(8, 8, 8, 4)
    replicas = line.replicas
    line.is_registry_up = False

    decision = line.run(6 * HOUR)

    assert replicas == line.replicas
    assert decision.winner == "last"
    assert Freeze.REGISTRY in freezes(line)


def test_a_lost_registry_still_grows_by_a_request() -> None:
    line = a_settled_pool(8, 4)
    line.is_registry_up = False
    line.requests = (a_request(ScaleAction.SCALE_UP, 7),)

    line.run(60.0)

    assert line.replicas == 7


@pytest.mark.parametrize("health", [Health.STALE, Health.LOST])
def test_a_signal_that_cannot_be_trusted_lowers_nothing(health: Health) -> None:
    line = a_settled_pool(*[4] * 4, rules=(RULE,))
    line.serve(4, 0, 0, 0)
    replicas = line.replicas
    line.samples = {"ringing": Sample(health, 0.0 if health is Health.STALE else None, line.now, "no answer")}

    line.run(6 * HOUR)

    assert replicas == line.replicas
    assert Freeze.SIGNAL in freezes(line)


def test_a_stale_signal_still_raises() -> None:
    line = Timeline(a_policy(rules=(RULE,))).serve(1)
    line.samples = {"ringing": Sample(Health.STALE, 40.0, NOW, "old")}

    decision = line.look()

    assert (decision.replicas, decision.winner) == (5, "rule:ringing")


def test_of_several_rules_the_largest_answer_wins() -> None:
    other = replace(RULE, name="queued", per_worker=4)
    line = Timeline(a_policy(rules=(RULE, other))).serve(1)
    line.samples = {"ringing": Sample(Health.OK, 40.0, NOW), "queued": Sample(Health.OK, 28.0, NOW)}

    decision = line.look()

    assert (decision.desired, decision.winner) == (7, "rule:queued")


def test_running_members_without_a_worker_keep_their_sessions_in_the_count_and_freeze_the_way_down() -> None:
    line = a_settled_pool(8, 8, 8, 8, 2)
    before = line.memory.demand.last
    del line.workers[1], line.workers[2]

    line.run(2 * HOUR)

    assert before == line.memory.demand.last
    assert Freeze.COVERAGE in freezes(line)
    assert line.removed == []


def test_an_unreadable_target_is_not_written() -> None:
    line = Timeline().serve(8)
    line.is_target_up = False

    decision = line.look()

    assert decision.replicas == 0
    assert Freeze.TARGET in freezes(line)


def test_a_problem_says_itself_in_which_direction_it_blocks() -> None:
    line = Timeline().serve(8)
    line.problems = (Problem(Freeze.RIVAL, "an HPA writes the same replicas", blocks_up=True),)

    blocked = line.look()
    line.problems = (Problem(Freeze.ROLLOUT, "a rollout is under way"),)
    line.now += 5.0
    free = line.look()

    assert (blocked.replicas, free.replicas) == (1, 2)


def test_a_problem_that_blocks_nothing_is_no_freeze() -> None:
    line = a_settled_pool(7)
    line.problems = (Problem(Freeze.TARGET, "Events cannot be written", blocks_up=False, blocks_down=False),)

    line.look()

    assert freezes(line) == set()


def test_steady_noise_writes_nothing_for_a_day_once_it_is_known() -> None:
    line = Timeline(a_policy(every=60.0)).serve(*[8] * 7, 4)
    noise = [0, 3, -2, 1, -3, 2, 0, -1, 3, -3]

    def hours(count: int) -> None:
        for minute in range(count * 60):
            line.spread(60 + noise[minute * 7 % 10])
            line.now += 60.0
            line.look()

    hours(6)
    line.written.clear()
    hours(24)

    assert line.written == []
