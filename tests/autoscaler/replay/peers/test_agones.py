"""Numbers of https://agones.dev/site/docs/reference/fleetautoscaler/."""

from autoscaler.replay.peers.agones import AgonesBuffer, AgonesCounter, buffer_replicas, counter_replicas
from tests.autoscaler.replay.builders import a_setting, played


def test_the_buffer_policy_keeps_so_many_ready_beside_those_allocated() -> None:
    assert buffer_replicas(15, 5) == 20


def test_the_counter_policy_adds_what_its_buffer_lacks() -> None:
    assert counter_replicas(3, free=4, slots=8, buffer=5, in_order=[]) == 4
    assert counter_replicas(3, free=4, slots=8, buffer=13, in_order=[]) == 5


def test_the_counter_policy_takes_away_as_long_as_its_buffer_stays() -> None:
    assert counter_replicas(6, free=24, slots=8, buffer=5, in_order=[8, 8, 8]) == 4
    assert counter_replicas(6, free=21, slots=8, buffer=5, in_order=[8, 8, 5]) == 4
    assert counter_replicas(1, free=8, slots=8, buffer=0, in_order=[8]) == 1


def test_an_allocated_game_server_is_never_taken_away() -> None:
    spans = [(0.0, 700.0), (0.0, 700.0), (0.0, 700.0)]

    measures = played(*spans, controller=AgonesBuffer(buffer=0), setting=a_setting(slots=1, initial=3, end=1000.0))

    assert measures.cut == 0
    assert measures.pod_seconds == 3 * 725.0  # the first sync after their last sessions


def test_the_buffer_is_there_after_one_sync_and_one_start() -> None:
    measures = played(controller=AgonesBuffer(), setting=a_setting(end=100.0))

    assert (measures.writes, measures.peak_pods) == (1, 5)


def test_the_counter_policy_counts_slots_and_not_pods() -> None:
    measures = played((0.0, 500.0), controller=AgonesCounter(buffer=2), setting=a_setting(slots=8, end=100.0))

    assert (measures.writes, measures.peak_pods) == (1, 3)  # 7 slots are free and 16 are the buffer
