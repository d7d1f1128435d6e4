"""What the page says of the metrics is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.metrics import KubernetesMetrics

PAGE = Path(__file__).parents[4] / "docs/autoscaler.md"
PREFIX = "moorage_autoscaler_kubernetes_"


def test_the_page_lists_every_metric_with_its_labels_and_no_other() -> None:
    registry = CollectorRegistry()
    metrics = KubernetesMetrics(registry)
    listed = re.findall(r"^\| `([a-z_]+)(?:\{(.*?)\})?` \|", PAGE.read_text().split("### Its metrics")[1], re.MULTILINE)

    there = {}
    for metric in vars(metrics).values():
        suffix = "" if metric._type == "histogram" else "_total"
        there[metric._name.removeprefix(PREFIX) + suffix] = ", ".join(metric._labelnames)

    assert {name: labels for name, labels in listed if name in there or name.endswith(("_total", "_seconds"))} == there
