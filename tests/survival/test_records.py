"""What records say of what was carried: each planted fault is found, and what a lost store may cost is none."""

from __future__ import annotations

from dataclasses import replace

from tests.survival.history import EventSeen, History, Injected
from tests.survival.stories import ADA, an_end, found, with_facts, with_final
from tests.survival.verdicts import Rule


def test_usage_off_by_one(clean: History) -> None:
    more = replace(an_end(ADA), messages_in=4)
    less = replace(an_end(ADA), messages_out=2)
    fewer_bytes = replace(an_end(ADA), bytes_in=29)

    seen = [found(with_final(clean, ends=(end,), stream_ends=(end,))) for end in (more, less, fewer_bytes)]

    assert seen == [{(Rule.USAGE, ADA)}] * 3


def test_an_estimate_may_be_lower_but_not_higher(clean: History) -> None:
    lower = replace(an_end(ADA, messages=1), is_estimated=True)
    higher = replace(an_end(ADA, messages=4), is_estimated=True)

    assert found(with_final(clean, ends=(lower,), stream_ends=(lower,))) == set()
    assert found(with_final(clean, ends=(higher,), stream_ends=(higher,))) == {(Rule.USAGE, ADA)}


def test_a_record_may_lack_what_was_carried_before_the_store_lost_its_data(clean: History) -> None:
    lower = an_end(ADA, messages=1)
    history = with_final(clean, ends=(lower,), stream_ends=(lower,))

    assert found(with_facts(history, Injected(3.5, "flushed", "store"))) == set()
    assert found(with_facts(history, Injected(6.5, "flushed", "store"))) == set()  # it may have been suspended then
    assert found(with_facts(history, Injected(40.0, "flushed", "store"))) == {(Rule.USAGE, ADA)}


def test_a_row_that_says_something_else_than_its_event(clean: History) -> None:
    event = replace(an_end(ADA), bytes_in=an_end(ADA).bytes_in + 1)

    assert found(with_final(clean, stream_ends=(event,))) == {(Rule.USAGE, ADA)}


def test_an_estimated_row_need_not_say_what_an_event_said_to_a_store_that_lost_it(clean: History) -> None:
    row = replace(an_end(ADA, messages=0), is_estimated=True)
    history = with_final(clean, ends=(row,), stream_ends=(an_end(ADA),), events=_of_era(clean, 0))
    later = with_final(clean, ends=(row,), stream_ends=(an_end(ADA),), events=_of_era(clean, 1))
    loss = Injected(6.5, "flushed", "store")

    assert found(with_facts(history, loss)) == set()
    assert found(with_facts(later, loss)) == {(Rule.USAGE, ADA)}
    assert found(history) == {(Rule.USAGE, ADA)}


def _of_era(history: History, era: int) -> tuple[EventSeen, ...]:
    return tuple(replace(event, era=era) for event in history.final.events)
