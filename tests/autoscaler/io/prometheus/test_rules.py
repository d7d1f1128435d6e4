"""Rules keep their last sample, and a silence ages it instead of clearing it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from structlog.testing import capture_logs

from autoscaler.io.prometheus.client import Prometheus
from autoscaler.io.prometheus.rules import Rules
from autoscaler.observation import Health, Sample
from autoscaler.policy import LocalTarget, PoolPolicy, Rule
from autoscaler.promql import Fault, NoNumber, Number
from tests.flows.system import until

EMPTY = NoNumber(Fault.EMPTY, "no series")


class Oracle:
    """Answers from a table that the test changes; the real one is in test_client.py."""

    def __init__(self, answers: dict[str, Number | NoNumber]) -> None:
        self.answers = answers
        self.asked = 0
        self.is_hanging = False

    async def instant(self, query: str, *, lookback: float, stale_after: float) -> Number | NoNumber:
        self.asked += 1
        if self.is_hanging:
            await asyncio.Event().wait()
        return self.answers[query]


def a_policy(*rules: Rule, pool: str = "voice") -> PoolPolicy:
    return PoolPolicy("local", pool, LocalTarget(()), slots=8, rules=rules)


def the_rules(oracle: Oracle, *policies: PoolPolicy, now: float = 1000.0) -> Rules:
    rules = Rules(cast(Prometheus, oracle), lambda: now, every=0.01)
    rules.follow(policies)
    return rules


def only(samples: Mapping[str, Sample]) -> Sample:
    (sample,) = samples.values()
    return sample


async def test_before_the_first_answer_a_rule_is_lost_and_not_absent() -> None:
    rules = the_rules(Oracle({}), a_policy(Rule("busy", "busy", 8)))

    assert only(rules.samples(a_policy())).health is Health.LOST


async def test_an_answer_is_a_sample_of_now() -> None:
    rules = the_rules(Oracle({"busy": Number(93.0, at=5.0)}), a_policy(Rule("busy", "busy", 8)))

    await rules.refresh()

    assert Sample(Health.OK, 93.0, 1000.0) == only(rules.samples(a_policy()))


async def test_a_silence_keeps_the_last_value_at_its_own_age() -> None:
    oracle = Oracle({"busy": Number(93.0, at=5.0, age=20.0)})
    rules = the_rules(oracle, a_policy(Rule("busy", "busy", 8)))
    await rules.refresh()

    oracle.answers["busy"] = EMPTY
    await rules.refresh()

    assert Sample(Health.STALE, 93.0, 980.0, "empty: no series") == only(rules.samples(a_policy()))


async def test_a_silence_is_logged_once_and_not_each_time_it_is_heard() -> None:
    oracle = Oracle({"busy": Number(93.0, at=5.0)})
    rules = the_rules(oracle, a_policy(Rule("busy", "busy", 8)))

    with capture_logs() as logs:
        await rules.refresh()
        oracle.answers["busy"] = EMPTY
        for _ in range(3):
            await rules.refresh()

    assert [Health.OK.value, Health.STALE.value] == [entry["health"] for entry in logs]


async def test_age_and_coverage_are_asked_besides() -> None:
    rule = Rule("busy", "busy", 8, age_query="newest", coverage_query="seen")
    oracle = Oracle({"busy": Number(93.0, 900.0), "newest": Number(870.0, 900.0), "seen": Number(0.4, 900.0)})
    rules = the_rules(oracle, a_policy(rule))

    await rules.refresh()

    assert Sample(Health.STALE, 93.0, 970.0, "coverage 0.40, and 0.9 is needed") == only(rules.samples(a_policy()))


async def test_a_changed_query_forgets_what_the_old_one_said_and_others_are_kept() -> None:
    oracle = Oracle({"busy": Number(93.0, 5.0), "queued": Number(2.0, 5.0)})
    busy, queued = Rule("busy", "busy", 8), Rule("queued", "queued", 8)
    rules = the_rules(oracle, a_policy(busy, queued))
    await rules.refresh()

    rules.follow([a_policy(Rule("busy", "other", 8), queued)])

    found = rules.samples(a_policy())
    assert (found["busy"].health, found["queued"].health) == (Health.LOST, Health.OK)


async def test_a_pool_without_rules_has_no_samples() -> None:
    assert the_rules(Oracle({}), a_policy()).samples(a_policy()) == {}


async def test_a_query_that_hangs_does_not_keep_readers_waiting() -> None:
    oracle = Oracle({"busy": Number(93.0, 5.0)})
    rules = the_rules(oracle, a_policy(Rule("busy", "busy", 8)))
    await rules.refresh()
    oracle.is_hanging = True

    running = asyncio.create_task(rules.run())
    await until(lambda: oracle.asked == 2)

    assert only(rules.samples(a_policy())).value == 93.0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_asks_again_and_again() -> None:
    oracle = Oracle({"busy": Number(93.0, 5.0)})
    running = asyncio.create_task(the_rules(oracle, a_policy(Rule("busy", "busy", 8))).run())

    await until(lambda: oracle.asked >= 3)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_rule_that_breaks_is_lost_said_once_and_stops_no_other() -> None:
    class Breaking(Oracle):
        async def instant(self, query: str, *, lookback: float, stale_after: float) -> Number | NoNumber:
            if query == "odd":
                raise OverflowError("as nobody thought of")
            return await super().instant(query, lookback=lookback, stale_after=stale_after)

    policy = a_policy(Rule("odd", "odd", 8), Rule("busy", "busy", 8))
    rules = the_rules(Breaking({"busy": Number(93.0, at=5.0)}), policy)

    with capture_logs() as logs:
        await rules.refresh()
        await rules.refresh()

    samples = rules.samples(policy)
    assert (samples["odd"].health, samples["busy"].health) == (Health.LOST, Health.OK)
    assert "OverflowError" in samples["odd"].detail
    assert [each["rule"] for each in logs if each["event"] == "rule_broke"] == ["odd"]
