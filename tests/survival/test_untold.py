"""A session may have neither a claim nor an end only where all are gone who knew of it."""

from __future__ import annotations

import pytest

from tests.survival.history import Connected, Fact, Healed, Injected
from tests.survival.records import every_session_that_started_is_live_or_has_one_end as one_end
from tests.survival.stories import ADA, a_clean_history, with_facts, with_final
from tests.survival.untold import untold
from tests.survival.verdicts import Bounds

AWAY: list[Fact] = [Injected(1.2, "killed", "controlplane-1"), Healed(8.0, "killed", "controlplane-1")]
LOSS: list[Fact] = [Injected(4.5, "flushed", "store"), Healed(6.5, "flushed", "store")]
KILL: list[Fact] = [Injected(5.4, "killed", "gateway-1"), Healed(7.0, "killed", "gateway-1")]


def test_a_session_that_nobody_can_know_of_is_pending_and_no_violation() -> None:
    history = with_final(with_facts(a_clean_history(), *AWAY, *LOSS, *KILL), ends=(), stream_ends=())

    assert ADA in untold(history)
    assert list(one_end(history, Bounds())) == []


@pytest.mark.parametrize(
    "harm",
    [
        [*AWAY, *LOSS],
        [*AWAY, *KILL],
        [*LOSS, *KILL],
        [AWAY[0], Healed(4.0, "killed", "controlplane-1"), *LOSS, *KILL],
        [*AWAY, *LOSS, *KILL, Connected(9.0, ADA, 2, "gateway-2")],
    ],
    ids=["its gateway knew", "the store knew", "the control plane knew", "it was back in time", "its client came back"],
)
def test_one_that_somebody_knows_of_must_have_an_end(harm: list[Fact]) -> None:
    history = with_final(with_facts(a_clean_history(), *harm), ends=(), stream_ends=())

    assert untold(history) == set()
    assert [violation.subject for violation in one_end(history, Bounds())] == [ADA]
