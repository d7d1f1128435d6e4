from random import Random

from autoscaler.replay.engine import Pool, play
from autoscaler.replay.pods import PodState
from autoscaler.replay.sessions import sessions_of
from autoscaler.replay.setting import Setting
from tests.autoscaler.replay.builders import Script, a_pool, a_setting, played


def test_a_session_that_finds_no_slot_is_rejected_after_exactly_ten_seconds() -> None:
    measures = played((1.0, 100.0), (2.0, 100.0), (3.0, 100.0))

    assert (measures.sessions, measures.waited, measures.rejected) == (3, 1, 1)
    assert measures.unserved_until == 13.0
    assert measures.slot_seconds == 200.0


def test_a_session_that_waits_takes_the_slot_that_is_freed_and_lasts_as_long_as_it_would_have() -> None:
    measures = played((1.0, 100.0), (2.0, 100.0), (95.0, 50.0))

    assert measures.rejected == 0
    assert measures.unserved_until == 101.0
    assert measures.slot_seconds == 250.0


def test_a_slot_that_is_freed_at_the_very_end_of_the_wait_is_in_time() -> None:
    measures = played((1.0, 100.0), (2.0, 100.0), (91.0, 50.0))

    assert measures.rejected == 0


def test_who_came_first_is_served_first() -> None:
    measures = played((0.0, 100.0), (0.0, 105.0), (95.0, 1.0), (96.0, 1.0), setting=a_setting(slots=2))

    assert measures.rejected == 0
    assert measures.unserved_until == 101.0  # the last one takes the slot that the third left


def test_a_pod_serves_after_its_start_and_is_paid_from_its_creation() -> None:
    script = Script({10.0: lambda pool: pool.raise_to(2)})

    measures = played((0.0, 500.0), (0.0, 500.0), (61.0, 100.0), controller=script, setting=a_setting(end=100.0))

    assert measures.rejected == 0
    assert measures.unserved_until == 70.0
    assert measures.pod_seconds == 100.0 + 90.0
    assert (measures.writes, measures.peak_pods) == (1, 2)


def test_sessions_go_to_the_fullest_pod() -> None:
    pool = a_pool(
        (0.0, 10.0), (1.0, 100.0), (2.0, 100.0), (3.0, 100.0), setting=a_setting(slots=4, initial=2, end=50.0)
    )

    pool.run()

    assert sorted(pod.used for pod in pool.pods.values()) == [0, 3]


def test_a_cordoned_pod_keeps_its_session_and_gets_none_until_it_is_uncordoned() -> None:
    def cordon(pool: Pool) -> None:
        pool.cordon(pool.pods[1])

    def uncordon(pool: Pool) -> None:
        pool.uncordon(pool.pods[1])

    measures = played((0.0, 500.0), (20.0, 10.0), controller=Script({10.0: cordon, 25.0: uncordon}))

    assert (measures.cut, measures.rejected, measures.unserved_until) == (0, 0, 25.0)


def test_a_pod_taken_away_cuts_what_outlasts_its_grace_and_no_more() -> None:
    def remove(pool: Pool) -> None:
        pool.remove(list(pool.pods.values()), grace=30.0)

    measures = played((0.0, 120.0), (0.0, 500.0), controller=Script({100.0: remove}))

    assert measures.cut == 1
    assert measures.pod_seconds == 130.0
    assert measures.slot_seconds == 120.0 + 130.0


def test_a_terminating_pod_is_gone_with_its_last_session_and_takes_no_new_one() -> None:
    def remove(pool: Pool) -> None:
        pool.remove(list(pool.pods.values()), grace=6 * 3600.0)

    measures = played((0.0, 120.0), (105.0, 1.0), controller=Script({100.0: remove}))

    assert (measures.cut, measures.rejected) == (0, 1)
    assert measures.pod_seconds == 120.0


def test_a_pod_that_is_taken_away_while_it_starts_never_serves() -> None:
    def grow(pool: Pool) -> None:
        pool.raise_to(2)

    def shrink(pool: Pool) -> None:
        pool.remove([pod for pod in pool.pods.values() if pod.state is PodState.STARTING], grace=30.0)

    measures = played(controller=Script({10.0: grow, 40.0: shrink}), setting=a_setting(end=100.0))

    assert measures.pod_seconds == 100.0 + 30.0
    assert (measures.writes, measures.reversals, measures.turns) == (2, 1, 1)


def test_the_warm_up_is_played_and_not_counted() -> None:
    spans = ((1.0, 100.0), (2.0, 100.0), (3.0, 100.0), (200.0, 30.0))

    measures = played(*spans, setting=a_setting(begin=150.0, end=300.0))

    assert (measures.sessions, measures.rejected, measures.slot_seconds) == (1, 0, 30.0)
    assert (measures.pod_seconds, measures.seconds) == (150.0, 150.0)


def test_demand_counts_who_waits_and_not_who_is_on_a_pod_that_goes() -> None:
    seen: list[int] = []

    def look(pool: Pool) -> None:
        seen.append(pool.demand)

    def remove(pool: Pool) -> None:
        pool.remove(list(pool.pods.values()), grace=100.0)

    script = Script({5.0: look, 6.0: remove, 7.0: look})
    played((0.0, 500.0), (0.0, 500.0), (1.0, 500.0), controller=script)

    assert seen == [3, 1]


def test_a_seed_gives_the_same_run_again_and_another_seed_another() -> None:
    chance = Random(7)
    sessions = sessions_of("eu", [(1000.0 * chance.random(), 100.0) for _ in range(200)])
    setting = Setting(0.0, 0.0, 1000.0)

    def run(seed: int) -> float:
        return play(sessions, setting, Script({1.0: lambda pool: pool.raise_to(3)}), Random(seed)).slot_seconds

    assert run(1) == run(1)
    assert run(1) != run(2)
