import pytest

from autoscaler.replay.sessions import sessions_of


def test_sessions_are_in_order_of_their_start() -> None:
    sessions = sessions_of("eu", [(5.0, 1.0), (2.0, 9.0)])

    assert list(sessions.starts) == [2.0, 5.0]
    assert list(sessions.lengths) == [9.0, 1.0]
    assert len(sessions) == 2


def test_a_session_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"starts at 5\.0 lasts -1\.0 s"):
        sessions_of("eu", [(5.0, -1.0)])
