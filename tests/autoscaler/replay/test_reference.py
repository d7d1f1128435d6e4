from autoscaler.replay.engine import Pool
from autoscaler.replay.reference import FirstSign, most_at_once, reference_pod_seconds
from autoscaler.replay.sessions import sessions_of
from tests.autoscaler.replay.builders import Script, a_pool, a_setting


def test_pods_start_with_the_session_that_needs_them_and_stop_with_their_last() -> None:
    sessions = sessions_of("eu", [(0.0, 100.0), (10.0, 100.0), (20.0, 100.0)])

    assert reference_pod_seconds(sessions, a_setting()) == 110.0 + 100.0


def test_a_freed_slot_is_used_before_a_pod_is_started() -> None:
    sessions = sessions_of("eu", [(0.0, 100.0), (0.0, 50.0), (60.0, 100.0)])

    assert reference_pod_seconds(sessions, a_setting()) == 160.0


def test_only_the_time_after_the_warm_up_and_before_the_end_is_counted() -> None:
    sessions = sessions_of("eu", [(0.0, 5000.0), (2000.0, 5.0)])

    assert reference_pod_seconds(sessions, a_setting(begin=200.0, end=1000.0)) == 800.0


def test_the_most_at_once_is_counted_from_a_moment_on() -> None:
    sessions = sessions_of("eu", [(0.0, 10.0), (1.0, 10.0), (2.0, 10.0), (50.0, 10.0), (55.0, 1.0)])

    assert most_at_once(sessions, 0.0) == 3
    assert most_at_once(sessions, 20.0) == 2


def test_at_the_first_sign_all_is_started_at_once() -> None:
    seen: list[tuple[int, int]] = []

    def look(pool: Pool) -> None:
        seen.append((pool.replicas, len(pool.writes)))

    before = Script({float(second): look for second in range(5)})
    pool = a_pool(controller=FirstSign(before, 5.0, 40), setting=a_setting(end=20.0))
    pool.run()

    assert seen == [(1, 0)] * 4
    assert (pool.replicas, len(pool.writes)) == (40, 1)
