"""A policy tried on a trace: each region's sessions against its pool, beside the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.policy import PoolPolicy
from autoscaler.replay.engine import play
from autoscaler.replay.measures import Measures, together
from autoscaler.replay.ours import Ours
from autoscaler.replay.reference import reference_pod_seconds
from autoscaler.replay.series import Moment, Watched
from autoscaler.replay.sessions import Chance, Sessions
from autoscaler.replay.setting import Setting

MOMENTS = 2000
"""A picture has no more points than this for each line."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a trace does not say."""

    pod_start: float = 60.0
    pod_spread: float = 0.2
    wait: float = 10.0
    warm_up: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it in one region."""

    region: str
    measures: Measures
    reference_pod_seconds: float
    moments: tuple[Moment, ...]

    @property
    def ratio(self) -> float:
        """Pod-hours of those of the reference; 0 where that needs none."""
        return self.measures.pod_seconds / self.reference_pod_seconds if self.reference_pod_seconds else 0.0


def tried(sessions: Sessions, policy: PoolPolicy, terms: Terms, chance: Chance) -> Trial:
    """From the first session's start to the last one's end. What the policy's rules would be answered is not known: they
    are left out."""
    setting = _setting(sessions, policy, terms)
    watched = Watched(Ours(replace(policy, rules=())), (setting.end - setting.start) / MOMENTS)
    measures = play(sessions, setting, watched, chance)
    return Trial(sessions.region, measures, reference_pod_seconds(sessions, setting), tuple(watched.moments))


def in_all(trials: list[Trial]) -> Trial:
    """All regions together."""
    measures = together([trial.measures for trial in trials])
    return Trial("all", measures, sum(trial.reference_pod_seconds for trial in trials), ())


def _setting(sessions: Sessions, policy: PoolPolicy, terms: Terms) -> Setting:
    start = sessions.starts[0]
    end = max(start + length for start, length in zip(sessions.starts, sessions.lengths, strict=True))
    begin = min(start + terms.warm_up, end)
    return Setting(
        start, begin, end, policy.slots, terms.wait, terms.pod_start, terms.pod_spread, initial=max(1, policy.minimum)
    )
