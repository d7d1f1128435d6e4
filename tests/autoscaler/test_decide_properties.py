"""What holds whatever is seen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide import decide
from autoscaler.memories import decode, encode
from autoscaler.observation import Health, Observation, Phase, Sample, TargetSeen
from autoscaler.policy import Rule
from scheduler.values import ScaleAction, WorkerState
from tests.autoscaler.builders import NOW, Timeline, a_member, a_policy, a_request, a_worker

RULE = Rule("ringing", "sum(ringing)", per_worker=8)
SAMPLES = st.builds(
    lambda health, value: Sample(health, None if health is Health.LOST else value, NOW),
    st.sampled_from(Health),
    st.floats(0, 300),
)
WORKERS = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(WorkerState)), max_size=12)


@st.composite
def looks(draw: st.DrawFn) -> Observation:
    """Anything that may be seen: workers in every state, members in every phase, requests, a rule."""
    drawn = draw(WORKERS)
    workers = tuple(a_worker(number, used, state) for number, (used, state) in enumerate(drawn))
    phases = draw(st.lists(st.sampled_from(Phase), max_size=4))
    members = tuple(a_member(number) for number in range(len(drawn))) + tuple(
        a_member(100 + number, phase, created_at=NOW) for number, phase in enumerate(phases)
    )
    request = st.builds(a_request, st.sampled_from(list(ScaleAction)[:4]), st.integers(0, 20))
    target = TargetSeen(draw(st.integers(len(drawn), len(members) + 3)), members)
    return Observation(
        "eu",
        "voice",
        draw(st.sampled_from([workers, workers, workers, None])),
        draw(st.integers(0, 40)),
        draw(st.sampled_from([target, target, target, None])),
        {"ringing": draw(SAMPLES)},
        tuple(draw(st.lists(request, max_size=2))),
    )


histories = st.lists(st.tuples(st.sampled_from([5.0, 60.0, 1200.0]), looks()), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(histories)
def test_whatever_is_seen_no_decision_breaks_a_promise(history: list[tuple[float, Observation]]) -> None:
    policy = a_policy(minimum=1, maximum=15, rules=(RULE,), settle_seconds=0.0, down_window=60.0)
    timeline = Timeline(policy)

    for passed, seen in history:
        timeline.now += passed
        before = timeline.memory
        decision, timeline.memory = decide(policy, seen, before, timeline.now)

        used = {worker.worker: worker for worker in seen.workers or ()}
        replicas = seen.target.replicas if seen.target is not None else decision.replicas
        assert all(not used[removal.worker].used for removal in decision.retire)
        assert all(worker in before.cordoned for worker in decision.uncordon)
        assert replicas <= decision.replicas <= max(replicas, policy.maximum)
        assert decision.desired <= policy.maximum
        if seen.samples["ringing"].health is not Health.OK or seen.workers is None or seen.target is None:
            assert not decision.retire
            assert not decision.cordon
        serving = sum(1 for worker in seen.workers or () if worker.state is WorkerState.SERVING)
        assert not decision.cordon or serving - len(decision.cordon) >= 0
        assert not set(decision.cordon) & set(decision.uncordon)
        again, memory = decide(policy, seen, before, timeline.now)
        assert (decision, timeline.memory) == (again, memory)
        assert timeline.memory == decode(encode(timeline.memory))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=5, max_size=30))
def test_a_pool_that_does_as_it_is_told_never_loses_a_session_nor_leaves_its_bounds(demand: list[int]) -> None:
    line = Timeline(a_policy(minimum=2, maximum=9, every=30.0, settle_seconds=0.0)).serve(0, 0)

    for sessions in demand:
        for _ in range(20):
            line.spread(sessions)
            line.look()
            line.now += 30.0

            assert 2 <= line.replicas <= 9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60))
def test_nothing_is_written_while_nothing_changes(sessions: int) -> None:
    line = Timeline(a_policy(every=30.0)).serve(*[0] * 4).spread(sessions)
    line.run(9000.0)
    line.written.clear()

    line.run(7200.0)

    assert line.written == []


def test_the_same_look_twice_decides_nothing_new() -> None:
    line = Timeline().serve(7)
    line.look()

    line.now += 5.0
    decision = line.look()

    assert decision.replicas == line.replicas
    assert replace(decision, at=0.0).cordon == ()
