from __future__ import annotations

import pytest

from moorage.errors import Code
from moorage.ids import SessionId
from scheduler.policy import SchedulerPolicy
from scheduler.tombstones import Revocations, Tombstones
from scheduler.values import NO_USAGE, EndRecord, Outcome, Revocation
from tests.scheduler.builders import START, a_request

ONE, TWO, THREE = SessionId("ses_1"), SessionId("ses_2"), SessionId("ses_3")


def a_record(session: SessionId, outcome: Outcome = Outcome.COMPLETED) -> EndRecord:
    return EndRecord(session, outcome, None, "", "api", START, 0.0, NO_USAGE)


def test_a_buried_session_is_refused_with_the_code_of_its_end() -> None:
    tombstones = Tombstones(SchedulerPolicy())
    tombstones.bury(a_record(ONE), START + 60)
    tombstones.bury(a_record(TWO, Outcome.EXPIRED), START + 60)

    assert tombstones.code(ONE) is Code.SESSION_ENDED
    assert tombstones.code(TWO) is Code.SESSION_EXPIRED
    assert tombstones.code(THREE) is None
    assert tombstones.record(ONE) == a_record(ONE)


def test_a_tombstone_lapses_not_before_its_time_and_at_most_a_minute_later() -> None:
    tombstones = Tombstones(SchedulerPolicy())
    tombstones.bury(a_record(ONE), START + 100)

    tombstones.lapse(START + 100)
    assert ONE in tombstones
    tombstones.lapse(START + 161)

    assert ONE not in tombstones
    assert tombstones.record(ONE) is None
    assert len(tombstones) == 0


def test_seeding_again_for_longer_counts_and_for_shorter_does_not() -> None:
    tombstones = Tombstones(SchedulerPolicy())
    tombstones.seed(ONE, START + 100)
    tombstones.seed(ONE, START + 1000)
    tombstones.seed(ONE, START + 50)

    tombstones.lapse(START + 900)

    assert tombstones.code(ONE) is Code.SESSION_ENDED


def test_only_the_newest_records_are_kept() -> None:
    tombstones = Tombstones(SchedulerPolicy(end_records=2))

    for session in (ONE, TWO, THREE):
        tombstones.bury(a_record(session, Outcome.EXPIRED), START + 60)

    assert tombstones.record(ONE) is None
    assert tombstones.record(THREE) is not None
    assert tombstones.code(ONE) is Code.SESSION_ENDED


def test_when_there_are_too_many_the_one_that_would_lapse_first_goes() -> None:
    tombstones = Tombstones(SchedulerPolicy(tombstones=2))
    tombstones.seed(ONE, START + 500)
    tombstones.seed(TWO, START + 5000)

    tombstones.seed(THREE, START + 5000)

    assert [session in tombstones for session in (ONE, TWO, THREE)] == [False, True, True]
    tombstones.seed(ONE, START + 5000)
    assert [session in tombstones for session in (ONE, TWO, THREE)] == [True, False, True]
    assert len(tombstones) == 2


@pytest.mark.parametrize(("kind", "name"), [("user", "usr_one"), ("key", "key_one"), ("workspace", "wsp_one")])
def test_a_revocation_covers_older_tokens(kind: str, name: str) -> None:
    revocations = Revocations()
    assert not revocations.covers(a_request())
    revocations.add(Revocation(kind, name, START + 60, START + 10))

    assert revocations.covers(a_request(token_issued_at=START + 9))
    assert revocations.covers(a_request(token_issued_at=None))
    assert not revocations.covers(a_request(token_issued_at=START + 10))


def test_a_revoked_session_is_covered_whenever_its_token_was_issued() -> None:
    revocations = Revocations()
    revocations.add(Revocation("session", ONE, START + 60, START))

    assert revocations.covers(a_request(ONE, token_issued_at=START + 50))


def test_the_later_times_of_two_revocations_hold() -> None:
    revocations = Revocations()
    revocations.add(Revocation("user", "u", START + 100, START + 1))
    revocations.add(Revocation("user", "u", START + 50, START + 2, "AGAIN"))

    assert revocations.all() == [Revocation("user", "u", START + 100, START + 2, "AGAIN")]


def test_revocations_lapse() -> None:
    revocations = Revocations()
    assert revocations.is_empty
    revocations.add(Revocation("user", "u", START + 100, START))

    revocations.lapse(START + 100)

    assert revocations.all() == []
    assert revocations.is_empty


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="not 'planet'"):
        Revocations().add(Revocation("planet", "x", START, START))
