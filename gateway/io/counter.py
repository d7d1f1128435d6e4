"""A counter for the hot path: one addition in a dict, where prometheus-client takes a lock and three calls."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class FastCounter(Collector):
    """With one label. Written by one thread; `name` is without its `_total`."""

    def __init__(self, name: str, meaning: str, label: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._meaning = meaning
        self._label = label
        self._counts: dict[str, int] = {}
        registry.register(self)

    def count(self, value: str) -> None:
        """One more with this label's value, which comes from a closed set."""
        self._counts[value] = self._counts.get(value, 0) + 1

    def describe(self) -> list[CounterMetricFamily]:
        """The name without values."""
        return [self._family()]

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Every value that was counted."""
        family = self._family()
        for value, count in list(self._counts.items()):
            family.add_metric([value], count)
        yield family

    def _family(self) -> CounterMetricFamily:
        return CounterMetricFamily(self._name, self._meaning, labels=[self._label])
