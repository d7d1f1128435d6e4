"""The rules themselves, on planted faults."""

from __future__ import annotations

from tests.helm.real.judging import homes, lost, moves, untold
from tests.survival.history import Connected, Cut, Echoed, Fact, GaveUp, Sent


def a_talk(*answered: int, until: int = 4) -> list[Fact]:
    """A message a second, and the answers of some of them."""
    facts: list[Fact] = [Connected(0.0, "ada", 1, "gateway-1")]
    for number in range(1, until):
        facts.append(Sent(float(number), "ada", number, 32))
        facts += [Echoed(number + 0.1, "ada", number, "one", 32)] if number in answered else []
    return facts


def test_whoever_was_told_1012_is_no_matter_and_anybody_else_is() -> None:
    told, not_told = Cut(5.0, "ada", "DRAINING", 1012), Cut(5.0, "bob", "WORKER_LOST", 1006)

    assert untold([told]) == []
    assert untold([told, not_told]) == ["bob: WORKER_LOST, closed with 1006"]
    assert untold([GaveUp(6.0, "eve", "SESSION_ENDED")]) == ["eve gave up"]


def test_a_message_without_an_answer_is_lost_when_a_later_one_has_its_own() -> None:
    assert lost(a_talk(1, 2, 3), 9.0) == []
    assert lost(a_talk(1, 3), 9.0) == ["ada: 2"]


def test_the_last_message_has_its_time_and_what_was_cut_off_is_not_lost() -> None:
    assert lost(a_talk(1, 2), 2.5) == []
    assert lost(a_talk(1, 2), 3.5) == ["ada: 3"]
    assert lost([*a_talk(1, 2), Cut(3.2, "ada", "DRAINING", 1012)], 3.5) == []


def test_a_session_moves_when_another_worker_answers() -> None:
    facts = [*a_talk(1, 2, 3), Echoed(5.0, "ada", 4, "two", 32), Echoed(6.0, "ada", 5, "two", 32)]

    assert moves(facts) == [("ada", "one", "two")]
    assert homes(facts) == {"ada": "two"}
