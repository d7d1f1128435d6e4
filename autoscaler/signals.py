"""How far a sample may be trusted now: by what was answered last, and by its age, which grows while nobody answers."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.observation import Health, Sample
from autoscaler.policy import Rule


def followed(old: Sample | None, new: Sample) -> Sample:
    """The sample to keep after `new`: without a number the last value stays, STALE, with its own age."""
    if new.value is not None or old is None or old.value is None:
        return new
    return Sample(Health.STALE, old.value, old.at, new.detail)


def judged(sample: Sample, rule: Rule, now: float) -> Sample:
    """STALE after `stale_after` seconds, LOST without a value after `lost_after`; never better than it came."""
    age = now - sample.at
    if sample.value is None or age > rule.lost_after:
        return replace(sample, health=Health.LOST, value=None, detail=sample.detail or _old(age, rule.lost_after))
    if age > rule.stale_after and sample.health is Health.OK:
        return replace(sample, health=Health.STALE, detail=_old(age, rule.stale_after))
    return sample


def _old(age: float, limit: float) -> str:
    return f"the newest sample is {age:.0f} s old, and {limit:g} s is the most"
