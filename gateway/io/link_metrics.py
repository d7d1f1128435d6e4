"""What the link server shows of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class LinkMetrics:
    """Labels are closed sets: never a worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.links = Gauge("moorage_gateway_links", "Workers whose link ends here", registry=registry)
        self.registrations = Counter(
            "moorage_gateway_link_registrations_total", "Registrations by result", ["result"], registry=registry
        )  # result: registered, or the code of the refusal
        self.closes = Counter(
            "moorage_gateway_link_closes_total", "Links closed by this side, by why", ["code"], registry=registry
        )
        self.heartbeats = Counter("moorage_gateway_link_heartbeats_total", "Heartbeats taken", registry=registry)
        self.directives = Counter(
            "moorage_gateway_link_directives_total", "Orders by result", ["result"], registry=registry
        )  # result: sent | unlinked
        self.replays = Counter(
            "moorage_gateway_link_replays_total", "Messages said again that are said once", ["type"], registry=registry
        )  # of type: register | heartbeat
        self.lies = Counter(
            "moorage_gateway_link_lies_total",
            "What workers said of themselves that cannot be so",
            ["what"],
            registry=registry,
        )  # what: session (not given to it) | in_use (over its slots) | load (over 1) | name (of another worker linked here)
        for what in ("session", "in_use", "load", "name"):  # an alert sees the first one only where 0 came before
            self.lies.labels(what)
        self.unknown = Counter(
            "moorage_gateway_link_unknown_total", "Messages of a newer version, skipped", registry=registry
        )
