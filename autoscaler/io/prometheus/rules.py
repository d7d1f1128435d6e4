"""Keeps every rule's last sample: asked in the background, read by whoever decides without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from autoscaler.io.prometheus.client import Prometheus
from autoscaler.observation import Health, Sample
from autoscaler.policy import PoolPolicy, Rule
from autoscaler.promql import Fault, NoNumber, Number, aged, covered, sample
from autoscaler.signals import followed, judged

EVERY = 10.0  # Prometheus scrapes no oftener as a rule
LOOKBACKS = 2.0  # a series that is scraped every `stale_after` seconds must not blink
AT_ONCE = 8  # rules asked at a time, so that a hundred pools are no storm

log = structlog.get_logger(__name__)


class Rules:
    """All pools' rules: autoscaler.io.signals.Signals over a Prometheus, which it closes."""

    def __init__(self, prometheus: Prometheus, now: Callable[[], float], every: float = EVERY) -> None:
        self._prometheus = prometheus
        self._now = now
        self._every = every
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._samples: dict[tuple[str, str, str], Sample] = {}
        self._broken: dict[tuple[str, str, str], str] = {}  # said once
        self._turns = asyncio.Semaphore(AT_ONCE)

    def follow(self, policies: Sequence[PoolPolicy]) -> None:
        """From now on these rules, and no others; what a rule answered before is kept while its query is the same."""
        before = {(*place, rule.name): rule for place, rules in self._rules.items() for rule in rules}
        self._rules = {(policy.region, policy.pool): policy.rules for policy in policies}
        same = {
            (*place, rule.name)
            for place, rules in self._rules.items()
            for rule in rules
            if before.get((*place, rule.name)) == rule
        }
        self._samples = {key: kept for key, kept in self._samples.items() if key in same}
        self._broken = {key: said for key, said in self._broken.items() if key in same}

    def samples(self, policy: PoolPolicy) -> Mapping[str, Sample]:
        """By the rule's name, of `policy`'s pool. One that was not answered yet is lost, not absent."""
        place, now = (policy.region, policy.pool), self._now()
        unheard = Sample(Health.LOST, None, now, "Prometheus has not answered yet")
        return {
            rule.name: judged(self._samples.get((*place, rule.name), unheard), rule, now)
            for rule in self._rules.get(place, ())
        }

    async def run(self) -> None:
        """Every `every` seconds; a slow Prometheus is asked less often, never twice at a time."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + self._every
            await self.refresh()
            await asyncio.sleep(max(0.0, due - clock()))

    async def close(self) -> None:
        """Gives the connections back."""
        await self._prometheus.close()

    async def refresh(self) -> None:
        """Asks each rule once. Raises nothing: a failure is a sample that says so."""
        places = [(place, rule) for place, rules in self._rules.items() for rule in rules]
        await asyncio.gather(*(self._refresh(place, rule) for place, rule in places))

    async def _refresh(self, place: tuple[str, str], rule: Rule) -> None:
        async with self._turns:
            new = sample(await self._asked(place, rule), self._now())
        if rule not in self._rules.get(place, ()):
            return  # a reload came in between
        key = (*place, rule.name)
        old = self._samples.get(key)
        kept = self._samples[key] = followed(old, new)
        if old is None or old.health is not kept.health:
            log.info(
                "rule_health",
                region=place[0],
                pool=place[1],
                rule=rule.name,
                health=kept.health.value,
                detail=kept.detail,
            )

    async def _asked(self, place: tuple[str, str], rule: Rule) -> Number | NoNumber:
        """What nobody thought of is this rule's trouble, and not that of the others."""
        try:
            return await self._ask(rule)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if self._broken.get(key := (*place, rule.name)) != said:
                self._broken[key] = said
                log.exception("rule_broke", region=place[0], pool=place[1], rule=rule.name)
            return NoNumber(Fault.BROKEN, f"asking failed: {type(error).__name__}")

    async def _ask(self, rule: Rule) -> Number | NoNumber:
        """The rule's query, and what it asks besides, at the same time."""
        beside = [query for query in (rule.age_query, rule.coverage_query) if query]
        first, *others = await asyncio.gather(*(self._one(rule, query) for query in (rule.query, *beside)))
        found = dict(zip(beside, others, strict=True))
        if isinstance(first, Number) and rule.age_query:
            first = aged(first, found[rule.age_query])
        if isinstance(first, Number) and rule.coverage_query:
            first = covered(first, found[rule.coverage_query], rule.coverage_least)
        return first

    async def _one(self, rule: Rule, query: str) -> Number | NoNumber:
        lookback = rule.lost_after if query == rule.age_query else LOOKBACKS * rule.stale_after  # the old have an age
        return await self._prometheus.instant(query, lookback=lookback, stale_after=rule.stale_after)
