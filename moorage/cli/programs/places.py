"""The places of `moorage up` as metrics: which are filled, and how often each was filled anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from moorage.cli.programs.place import Place


class PlacesCollector(Collector):
    """Labels are the names of places: gateway-1, controlplane, valkey."""

    def __init__(self, places: Callable[[], Sequence[Place]]) -> None:
        self._places = places

    def collect(self) -> Iterator[Metric]:
        """Two families."""
        up = GaugeMetricFamily("moorage_up_process_ready", "1 while this child serves.", labels=("process",))
        again = CounterMetricFamily("moorage_up_process_restarts", "Deaths of this child.", labels=("process",))
        for place in self._places():
            up.add_metric((place.recipe.place,), float(place.is_ready))
            again.add_metric((place.recipe.place,), place.restarts)
        yield up
        yield again
