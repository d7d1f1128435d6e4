"""What the autoscaler shows of itself. Labels are region, pool and closed sets: never a worker, a request or a rule's name.

All of one pool go when the pool goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from autoscaler.decision import Decision
from autoscaler.observation import Freeze, Health, Observation
from autoscaler.observing import Place
from autoscaler.records import Carried

_M = TypeVar("_M", Gauge, Counter, Histogram)
PLACE = ("region", "pool")
SOURCES = frozenset({"registry", "trend", "forecast", "minimum", "schedule", "rule", "request"})
CAUSES = ("scale_in", "member_gone", "worker_lost")
_OTHER = "other"
_START_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_TICK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class AutoscalerMetrics:
    """All series of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._all: list[Gauge | Counter | Histogram] = []
        self._desired = self._gauge("desired_workers", "Workers that should serve")
        self._replicas = self._gauge("target_replicas", "Replicas that the target asks for")
        self._serving = self._gauge("serving_workers", "Workers that serve")
        self._starting = self._gauge("starting_workers", "Workers that are on their way")
        self._draining = self._gauge("draining_workers", "Workers that take nothing new")
        self._free = self._gauge("free_slots", "Slots that a session can get now")
        self._overdue = self._gauge("overdue_workers", "Members that started long ago and do not serve, or fail")
        self._at_maximum = self._gauge("at_maximum", "1 while more workers are wanted than the maximum allows")
        self._waiting = self._gauge("waiting_sessions", "Sessions that wait for a worker of this pool")
        self._lead = self._gauge("lead_seconds", "From raising replicas to a worker that serves, as measured")
        self._signals = self._gauge("signals", "Rules by the health of their signal", "health")
        self._signal_age = self._gauge("signal_age_seconds", "Age of the oldest sample of a rule")
        self._frozen = self._gauge("frozen", "1 while a freeze is in force", "reason")
        self._leader = self._gauge("leader", "1 while this process decides for the pool")
        self._decisions = self._counter("decisions", "Decisions by what won: a kind of candidate", "reason")
        self._changes = self._counter("changes", "Looks that wrote something, by what was written", "change")
        self._conflicts = self._counter("conflicts", "Writes that found the replicas moved by somebody else")
        self._failures = self._counter("failures", "Steps that did not work")
        self._wrong = self._counter("wrong_victims", "Times that a removal was seen to take another member than named")
        self._reversals = self._counter("reversals", "Changes of replicas against the direction of the last one")
        self._cut = self._counter("sessions_cut", "Sessions on workers that went, by why these went", "cause")
        self._unpublished = self._counter("unpublished", "Looks that the store did not take: status or record")
        self._starts = self._histogram(
            "pod_start_seconds", "From a member's making to its worker's joining", _START_SECONDS
        )
        self._ticks = self._histogram("tick_seconds", "Length of a look at a pool, writes included", _TICK_SECONDS)
        self._decide = self._histogram("decide_seconds", "Length of the decision itself", _TICK_SECONDS)

    def seen(self, place: Place, seen: Observation, now: float) -> None:
        """Before the decision."""
        self._waiting.labels(*place).set(seen.waiting)
        if seen.target is not None:
            self._replicas.labels(*place).set(seen.target.replicas)
        for health in Health:
            found = sum(sample.health is health for sample in seen.samples.values())
            self._signals.labels(*place, health.value).set(found)
        ages = [now - sample.at for sample in seen.samples.values() if sample.at]
        self._signal_age.labels(*place).set(max(ages, default=0.0))

    def decided(self, place: Place, decision: Decision, seconds: float) -> None:
        """A decision, whatever comes of it."""
        for gauge, value in (
            (self._desired, decision.desired),
            (self._serving, decision.serving),
            (self._starting, decision.starting),
            (self._draining, decision.draining),
            (self._free, decision.free_slots),
            (self._lead, decision.lead_seconds),
        ):
            gauge.labels(*place).set(value)
        kind = decision.winner.partition(":")[0]
        self._decisions.labels(*place, kind if kind in SOURCES else _OTHER).inc()
        self._decide.labels(*place).observe(seconds)
        limits = {limit.name: limit.workers for limit in decision.limits}
        self._overdue.labels(*place).set(limits.get("overdue", 0))
        self._at_maximum.labels(*place).set("maximum" in limits)
        self.frozen(place, {each.freeze for each in decision.frozen})

    def frozen(self, place: Place, freezes: Iterable[Freeze]) -> None:
        """Those in force."""
        in_force = set(freezes)
        for freeze in Freeze:
            self._frozen.labels(*place, freeze.value).set(freeze in in_force)

    def carried(self, place: Place, carried: Carried) -> None:
        """What came of it."""
        for change, happened in (
            ("raise", carried.replicas is not None and not carried.removed),
            ("uncordon", carried.uncordoned),
            ("cordon", carried.cordoned),
            ("remove", carried.removed),
        ):
            if happened:
                self._changes.labels(*place, change).inc()
        self._conflicts.labels(*place).inc(carried.conflicts)
        self._failures.labels(*place).inc(len(carried.troubles))

    def cut(self, place: Place, cause: str, sessions: int) -> None:
        """cause: one of CAUSES."""
        self._cut.labels(*place, cause).inc(sessions)

    def reversed(self, place: Place) -> None:
        """Down after up, or up after down."""
        self._reversals.labels(*place).inc()

    def wrong_victim(self, place: Place) -> None:
        """A problem of that kind is new."""
        self._wrong.labels(*place).inc()

    def started(self, place: Place, seconds: float) -> None:
        """A member's worker joined."""
        self._starts.labels(*place).observe(seconds)

    def ticked(self, place: Place, seconds: float) -> None:
        """One look, from its start to its end."""
        self._ticks.labels(*place).observe(seconds)

    def unpublished(self, place: Place) -> None:
        """The store did not take it."""
        self._unpublished.labels(*place).inc()

    def leads(self, place: Place, *, is_leading: bool) -> None:
        """Whether this process decides for the pool."""
        self._leader.labels(*place).set(is_leading)

    def known(self, place: Place) -> None:
        """Every series of a new pool reads 0 before something happens."""
        for metric in (self._conflicts, self._failures, self._wrong, self._reversals, self._unpublished, self._leader):
            metric.labels(*place)
        for cause in CAUSES:
            self._cut.labels(*place, cause)

    def forget(self, place: Place) -> None:
        """A pool that is no longer scaled here."""
        for metric in self._all:
            metric.remove_by_labels(dict(zip(PLACE, place, strict=True)))

    def _gauge(self, name: str, about: str, *more: str) -> Gauge:
        return self._kept(Gauge(f"moorage_autoscaler_{name}", about, (*PLACE, *more), registry=self._registry))

    def _counter(self, name: str, about: str, *more: str) -> Counter:
        return self._kept(Counter(f"moorage_autoscaler_{name}", about, (*PLACE, *more), registry=self._registry))

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        name = f"moorage_autoscaler_{name}"
        return self._kept(Histogram(name, about, PLACE, buckets=buckets, registry=self._registry))

    def _kept(self, metric: _M) -> _M:
        self._all.append(metric)
        return metric
