"""What the Kubernetes side shows of itself. Labels are closed sets: verbs, HTTP codes, reasons; never a pod."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_START_SECONDS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)


class KubernetesMetrics:
    """All series of one autoscaler's Kubernetes targets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "moorage_autoscaler_kubernetes_calls_total", "Calls of the API server", ["verb", "code"], registry=registry
        )  # code: HTTP status, or unreachable | withheld (it said when to come again)
        self.relists = Counter(
            "moorage_autoscaler_kubernetes_relists_total", "Lists of pods read anew", ["why"], registry=registry
        )  # why: start | expired | unreadable
        self.conflicts = Counter(
            "moorage_autoscaler_kubernetes_conflicts_total",
            "Compare-and-swaps that somebody else won",
            ["what"],
            registry=registry,
        )  # what: scale | pod | lease
        self.wrong_victims = Counter(
            "moorage_autoscaler_kubernetes_wrong_victims_total",
            "Pods that went instead of the named",
            registry=registry,
        )
        self.removals = Counter(
            "moorage_autoscaler_kubernetes_removals_total",
            "Pods named for removal, by outcome",
            ["mode", "outcome"],
            registry=registry,
        )  # mode: cost | exact | detach | ordinal; outcome: removed | left
        self.pod_ready_seconds = Histogram(
            "moorage_autoscaler_kubernetes_pod_ready_seconds",
            "From a pod's creation to its first readiness",
            registry=registry,
            buckets=_START_SECONDS,
        )
        self.events = Counter(
            "moorage_autoscaler_kubernetes_events_total", "Events on targets", ["result"], registry=registry
        )  # result: written | withheld | failed
