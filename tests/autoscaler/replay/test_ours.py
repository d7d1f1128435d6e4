from autoscaler.decision import Decision, Removal
from autoscaler.observation import Phase
from autoscaler.policy import LocalTarget, PoolPolicy
from autoscaler.replay.engine import Pool
from autoscaler.replay.faults import Fault, View
from autoscaler.replay.ours import Ours, carry_out, observed
from moorage.ids import WorkerId, parse_worker
from scheduler.values import WorkerState
from tests.autoscaler.replay.builders import Script, a_pool, a_setting


def a_policy() -> PoolPolicy:
    return PoolPolicy("eu", "replay", LocalTarget(()), 2)


def worker(number: int) -> WorkerId:
    return parse_worker(f"wrk_{number:026d}")


def a_decision(
    *,
    replicas: int = 1,
    uncordon: tuple[WorkerId, ...] = (),
    cordon: tuple[WorkerId, ...] = (),
    retire: tuple[Removal, ...] = (),
) -> Decision:
    return Decision("eu", "replay", 0.0, replicas, replicas, uncordon, cordon, retire)


def test_the_truth_has_workers_for_pods_that_started_and_members_for_all() -> None:
    pool = a_pool((0.0, 500.0), controller=Script({5.0: lambda pool: pool.raise_to(2)}), setting=a_setting(end=10.0))
    pool.run()

    seen = observed(a_policy(), pool, {})

    assert seen.workers is not None
    assert seen.target is not None
    assert [(worker(1), WorkerState.SERVING, 1, "pod-1")] == [
        (each.worker, each.state, each.used, each.member) for each in seen.workers
    ]
    assert [(each.member, each.phase) for each in seen.target.members] == [
        ("pod-1", Phase.RUNNING),
        ("pod-2", Phase.PENDING),
    ]
    assert seen.target.replicas == 2


def test_a_worker_that_did_not_change_is_seen_as_the_same_object() -> None:
    pool = a_pool((0.0, 500.0), setting=a_setting(end=10.0))
    pool.run()
    pod = pool.pods[1]
    before = pod.worker

    assert before is pod.worker
    pool.cordon(pod)
    assert before is not pod.worker
    assert WorkerState.CORDONED is pod.worker.state


def test_a_worker_with_a_session_is_not_retired_whatever_the_decision_says() -> None:
    pool = a_pool((0.0, 500.0), setting=a_setting(end=10.0, initial=2))
    pool.run()
    busy, idle = sorted(pool.pods.values(), key=lambda pod: -pod.used)
    removals = (Removal(busy.worker.worker, busy.member.member), Removal(idle.worker.worker, idle.member.member))

    carry_out(a_decision(retire=removals), pool)

    assert [busy] == list(pool.pods.values())
    assert (pool.replicas, len(pool.writes)) == (1, 1)


def test_without_the_api_cordons_are_set_and_nothing_is_written() -> None:
    pool = a_pool(setting=a_setting(end=10.0, initial=2))
    pool.run()

    carry_out(a_decision(replicas=5, cordon=(worker(1),), retire=(Removal(worker(2), "pod-2"),)), pool, can_write=False)

    assert WorkerState.CORDONED is pool.pods[1].worker.state
    assert (pool.replicas, pool.writes) == (2, [])


def test_the_real_decision_starts_pods_for_those_who_wait() -> None:
    pool = a_pool(*[(float(second), 400.0) for second in range(20)], controller=Ours(a_policy()))

    measures = pool.run()

    assert measures.writes > 0
    assert measures.cut == 0
    assert len(pool.pods) > 1


def test_nobody_decides_while_there_is_no_leader() -> None:
    ours = Ours(a_policy(), View(Fault.LEADER, ((100.0, 120.0),)))

    def run(pool: Pool) -> int:
        pool.run()
        return ours.decisions

    assert run(a_pool(controller=ours)) == 199 - 4  # the first look is at 5 s
