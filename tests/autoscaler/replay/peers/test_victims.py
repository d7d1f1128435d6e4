from random import Random

from autoscaler.replay.peers.victims import of_agones, of_replica_set
from autoscaler.replay.pods import Pod, PodState


def a_pod(number: int, *, ready_at: float | None = 0.0, used: int = 0) -> Pod:
    pod = Pod("eu", 8, number, 0.0)
    if ready_at is not None:
        pod.become(PodState.SERVING)
        pod.ready_at = ready_at
    pod.used = used
    return pod


def test_a_replica_set_takes_what_is_not_ready_first_and_then_the_youngest() -> None:
    old, young, starting = a_pod(1, ready_at=0.0), a_pod(2, ready_at=900.0, used=8), a_pod(3, ready_at=None)

    assert [starting, young] == of_replica_set([old, young, starting], 2, 1000.0, Random(1))


def test_among_pods_of_about_the_same_age_chance_decides_whoever_is_busy() -> None:
    busy, idle = a_pod(1, used=8), a_pod(2)

    taken = {of_replica_set([busy, idle], 1, 1000.0, Random(seed))[0].number for seed in range(20)}

    assert {1, 2} == taken


def test_agones_takes_starting_ones_then_the_newest_and_never_one_with_a_session() -> None:
    old, busy, new, starting = a_pod(1), a_pod(2, used=1), a_pod(3), a_pod(4, ready_at=None)

    assert [starting, new, old] == of_agones([old, busy, new, starting], 4)
