"""What of a kept memory is believed: all of a good one, none of a clock that is to come, no number that cannot be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autoscaler.decide import decide
from autoscaler.memories import decode, encode
from autoscaler.memory import Memory
from autoscaler.recalled import AHEAD, believable
from moorage.ids import WorkerId
from tests.autoscaler.builders import NOW, Timeline, a_policy

OURS = frozenset({WorkerId("wrk_1")})


def a_busy_day() -> Timeline:
    line = Timeline(a_policy(every=60.0, uses_forecast=True)).serve(6, 3, 0)
    line.run(2 * 86_400.0)
    return line


def test_a_good_one_is_believed_as_it_is() -> None:
    line = a_busy_day()

    assert believable(line.memory, line.now) is line.memory
    assert believable(line.memory, line.now - AHEAD) is line.memory
    assert believable(Memory(), 0.0) == Memory()


def test_of_a_clock_that_was_set_back_what_has_no_time_stays() -> None:
    line = a_busy_day()
    memory = believable(line.memory, line.now - 86_400.0)

    assert memory.seen_at is memory.watched_since is None
    assert not (*memory.demand.tens, *memory.pace.writes, *memory.seasons.quarters)
    assert (memory.spread, memory.replicas, memory.carried) == (
        line.memory.spread,
        line.memory.replicas,
        line.memory.carried,
    )


WRONG = [
    -1,
    1e308,
    -1e308,
    10**15,
    NOW + 1e9,
    [],
    {},
    [[NOW, -5.0]],
    [[NOW, 1e300]],
    [1e300] * 3,
    [-1.0] * 96,
    [1e308] * 96,
]
PATHS = [
    ("workers",), ("replicas",), ("spread",), ("leads",), ("carried",), ("starting",), ("empty_since",), ("seen_at",),
    ("watched_since",), ("ordered_at",), ("demand", "looks"), ("demand", "minutes"), ("demand", "tens"), ("ruled", "looks"),
    ("pace", "raised_at"), ("pace", "reversals"), ("pace", "writes"), ("seasons", "begun"), ("seasons", "quarters"),
    ("seasons", "error"), ("habits", "rates"), ("habits", "quarter"), ("habits", "watched"), ("habits", "came"),
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_no_damage_to_one_part_stops_the_decision_or_loses_our_cordons(path: tuple[str, ...]) -> None:
    line = Timeline(a_policy(every=60.0, uses_forecast=True)).serve(6, 3, 0)
    line.run(7200.0)
    known = json.loads(encode(replace(line.memory, cordoned=OURS)))

    for wrong in WRONG:
        place = document = json.loads(json.dumps(known))
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = wrong
        memory = decode(json.dumps(document).encode())
        if memory is None:
            continue
        decision, _ = decide(line.policy, line.seen(), believable(memory, line.now), line.now + 5.0)

        assert decision.replicas <= line.policy.maximum
        assert believable(memory, line.now).cordoned == OURS
