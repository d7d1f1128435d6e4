"""Metrics of several processes as one page. Pure: families in, families out.

Counters and histograms are added, also those of processes that are gone, so that no sum ever falls. A gauge of ours that
counts things is added over the processes that live; any other gauge (times, memory, versions) keeps a label `process`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric

ADDED = frozenset({"counter", "histogram", "summary"})
LABEL = "process"

Labels = tuple[tuple[str, str], ...]
Page = Sequence[Metric]


@dataclass(slots=True)
class _Family:
    """One family under construction: a sample's name and labels -> its value, in the order first seen."""

    about: str
    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


def merged(living: Iterable[tuple[str, Page]], gone: Page = ()) -> list[Metric]:
    """`living`: the name of a process and its page; of two with one name (one replaces the other) the later one's
    labelled gauges count. `gone`: what `carried` kept of those that ended."""
    families: dict[str, _Family] = {}
    _add(families, gone)
    for process, page in living:
        added = [metric for metric in page if is_added(metric)]
        _add(families, added)
        for metric in page:
            if not is_added(metric):
                _label(families, metric, process)
    return [_as_metric(name, family) for name, family in sorted(families.items())]


def carried(gone: Page, last: Page) -> list[Metric]:
    """`gone` with the counters and histograms of one more process that ended; its gauges ended with it."""
    families: dict[str, _Family] = {}
    _add(families, gone)
    _add(families, [metric for metric in last if metric.type in ADDED])
    return [_as_metric(name, family) for name, family in sorted(families.items())]


def is_added(metric: Metric) -> bool:
    """Whether values of several processes make sense as one sum.

    >>> is_added(Metric("moorage_gateway_sessions", "", "gauge")), is_added(Metric("process_open_fds", "", "gauge"))
    (True, False)
    """
    if metric.type in ADDED:
        return True
    return metric.type == "gauge" and metric.name.startswith("moorage_") and not metric.name.endswith("_seconds")


def _add(families: dict[str, _Family], page: Iterable[Metric]) -> None:
    for metric, family in _in(families, page):
        for sample in metric.samples:
            key = sample.name, _labels(sample.labels)
            family.samples[key] = family.samples.get(key, 0.0) + sample.value


def _label(families: dict[str, _Family], metric: Metric, process: str) -> None:
    for _, family in _in(families, [metric]):
        for sample in metric.samples:
            family.samples[sample.name, _labels({**sample.labels, LABEL: process})] = sample.value


def _in(families: dict[str, _Family], page: Iterable[Metric]) -> Iterator[tuple[Metric, _Family]]:
    """A family that two versions of a program know as different kinds is the first one's."""
    for metric in page:
        family = families.setdefault(metric.name, _Family(metric.documentation, metric.type))
        if family.kind == metric.type:
            yield metric, family


def _labels(said: Mapping[str, str]) -> Labels:
    return tuple(said.items())


def _as_metric(name: str, family: _Family) -> Metric:
    metric = Metric(name, family.about, family.kind)
    for (sample, labels), value in family.samples.items():
        metric.add_sample(sample, dict(labels), value)
    return metric
