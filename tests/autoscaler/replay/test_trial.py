from random import Random

import pytest

from autoscaler.replay.sessions import sessions_of
from autoscaler.replay.trial import MOMENTS, Terms, in_all, tried
from tests.autoscaler.replay.test_ours import a_policy


def test_a_trial_lasts_from_the_first_start_to_the_last_end() -> None:
    trial = tried(sessions_of("eu", [(1000.0, 50.0), (1010.0, 990.0)]), a_policy(), Terms(), Random(1))

    assert (trial.measures.seconds, trial.measures.sessions) == (1000.0, 2)
    assert trial.reference_pod_seconds == 1000.0
    assert trial.ratio >= 1.0


def test_the_warm_up_is_not_counted() -> None:
    sessions = sessions_of("eu", [(0.0, 50.0), (500.0, 500.0)])

    trial = tried(sessions, a_policy(), Terms(warm_up=400.0), Random(1))

    assert (trial.measures.seconds, trial.measures.sessions) == (600.0, 1)


def test_a_picture_has_a_bounded_number_of_moments() -> None:
    trial = tried(sessions_of("eu", [(0.0, 90_000.0)]), a_policy(), Terms(), Random(1))

    assert MOMENTS // 2 < len(trial.moments) <= MOMENTS + 1
    assert trial.moments[-1].sessions == 1


def test_regions_add_up() -> None:
    trials = [tried(sessions_of(name, [(0.0, 3600.0)]), a_policy(), Terms(), Random(1)) for name in ("eu", "us")]

    total = in_all(trials)

    assert (total.measures.sessions, total.measures.seconds) == (2, 3600.0)
    assert pytest.approx(total.reference_pod_seconds) == 7200.0
