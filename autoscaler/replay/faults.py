"""What goes wrong with the view, between a pool and the eyes of whoever scales it.

A fault begins and ends. Those of the metric say what the metrics system answers when it is asked for the demand; two others
take away the target or the leader. Peers that use no metric do not notice the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from autoscaler import promql
from autoscaler.observation import Observation, Sample, WorkerSeen
from autoscaler.policy import Rule
from autoscaler.promql import NoNumber, Number, sample
from autoscaler.replay.engine import Pool
from autoscaler.signals import followed, judged

RULE = "demand"
"""The name of the PromQL rule that our policy follows in replays with faults."""

NOTHING: Mapping[str, Sample] = {}


class Fault(Enum):
    """What is broken."""

    NONE = "none"
    EMPTY = "empty vector"
    ERROR = "5xx"
    NAN = "NaN"
    FROZEN = "frozen value"  # with fresh time stamps: its age betrays nothing
    HALF = "half the pods missing"  # from the metric, and half of the workers from our registry
    API = "API down"  # the target can be neither read nor written
    LEADER = "leader killed"  # nobody decides until another leads


class Answer(Enum):
    """What a metrics system says when it is asked."""

    OK = "ok"
    EMPTY = "empty"
    ERROR = "error"
    NAN = "not a number"


_SAID = {
    Answer.EMPTY: promql.Fault.EMPTY,
    Answer.ERROR: promql.Fault.BROKEN,
    Answer.NAN: promql.Fault.NOT_A_NUMBER,
}


@dataclass(slots=True)
class View:
    """One pool's, during one run. `fault` holds in each of `spans`: pairs of Unix seconds."""

    fault: Fault = Fault.NONE
    spans: tuple[tuple[float, float], ...] = ()
    _frozen: float | None = None
    _kept: Sample | None = None  # of our rule

    def holds(self, now: float) -> bool:
        """Whether the fault is in force."""
        return any(begin <= now < end for begin, end in self.spans)

    def metric(self, pool: Pool) -> tuple[Answer, float]:
        """The demand, as the metrics system answers. The number means nothing unless the answer is OK."""
        value = float(pool.demand)
        if not self.holds(pool.now):
            self._frozen = None
            return Answer.OK, value
        match self.fault:
            case Fault.EMPTY:
                return Answer.EMPTY, 0.0
            case Fault.ERROR:
                return Answer.ERROR, 0.0
            case Fault.NAN:
                return Answer.NAN, 0.0
            case Fault.HALF:
                return Answer.OK, value / 2.0
            case Fault.FROZEN:
                if self._frozen is None:
                    self._frozen = value
                return Answer.OK, self._frozen
            case _:
                return Answer.OK, value

    def is_half_blind(self, now: float) -> bool:
        """Half of the pods have no metrics."""
        return self.fault is Fault.HALF and self.holds(now)

    def has_target(self, now: float) -> bool:
        """Replicas and pods can be read and written."""
        return not (self.fault is Fault.API and self.holds(now))

    def has_leader(self, now: float) -> bool:
        """Somebody decides."""
        return not (self.fault is Fault.LEADER and self.holds(now))

    def can_scale(self, now: float) -> bool:
        """Somebody decides, and can write it."""
        return self.has_leader(now) and self.has_target(now)

    def samples(self, pool: Pool) -> Mapping[str, Sample]:
        """What our rule makes of the answer, by the functions that autoscaler.io.prometheus uses."""
        if self.fault is Fault.NONE:
            return NOTHING
        self._kept = followed(self._kept, sample(self._said(pool), pool.now))
        return {RULE: judged(self._kept, demand_rule(1), pool.now)}

    def _said(self, pool: Pool) -> Number | NoNumber:
        answer, value = self.metric(pool)
        if answer is not Answer.OK:
            return NoNumber(_SAID[answer], answer.value)
        warning = "half of the targets are missing" if self.is_half_blind(pool.now) else ""
        return Number(value, pool.now, warning=warning)

    def look(self, truth: Observation, now: float) -> Observation:
        """What our autoscaler sees of the truth."""
        if not self.has_target(now):
            return replace(truth, target=None)
        if self.is_half_blind(now) and truth.workers is not None:
            return replace(truth, workers=tuple([each for each in truth.workers if _is_seen(each)]))
        return truth


def _is_seen(worker: WorkerSeen) -> bool:
    """Of every two workers the same one is missing for as long as the fault lasts."""
    return int(worker.worker[-1]) % 2 == 1


def demand_rule(slots: int) -> Rule:
    """Sessions that are served and that wait, from Prometheus."""
    return Rule(RULE, "sum(moorage_sessions) + sum(moorage_waiting)", float(slots))
