from __future__ import annotations

from moorage import deadlines
from scheduler.policy import SchedulerPolicy


def test_the_deadlines_are_those_all_programs_agree_on() -> None:
    policy = SchedulerPolicy()

    assert policy.reservation == deadlines.RESERVATION
    assert policy.suspect_after == deadlines.SUSPECT_AFTER
    assert policy.worker_lost_after == deadlines.WORKER_LOST_AFTER
    assert policy.gateway_lost_after == deadlines.GATEWAY_LOST_AFTER
    assert policy.probe_seconds < deadlines.RESERVATION
