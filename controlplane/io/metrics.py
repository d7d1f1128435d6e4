"""The control plane's metrics. Labels are routes, codes and states: never ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Registered once in the registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"moorage_controlplane_{name}", text, labels, registry=registry)

        self.requests = counter("requests", "Requests answered", ("route", "method", "status"))
        self.request_seconds = Histogram(
            "moorage_controlplane_request_seconds",
            "From the request's head to the answer's end",
            ("route", "method"),
            registry=registry,
        )
        self.requests_under_way = Gauge(
            "moorage_controlplane_requests_under_way", "Requests not yet answered", registry=registry
        )
        self.refusals = counter("refusals", "Typed refusals and failures", ("code",))
        self.sessions_created = counter("sessions_created", "Sessions created")
        self.sessions_ended = counter("sessions_ended", "End records written to rows", ("status", "code"))
        self.events = counter("events", "Store events written to rows", ("type",))
        self.events_early = counter("events_early", "Events that came before their session's row")
        self.events_unknown = counter("events_unknown", "Events given up: their session never got a row")
        self.consumer_failures = counter("consumer_failures", "Batches of events that could not be written or fetched")
        self.database_retries = counter("database_retries", "Transactions tried again", ("trouble",))
        self.join_key_failures = counter("join_key_failures", "Files of join keys found missing, empty or unreadable")
        self.sweep_failures = counter("sweep_failures", "Rounds of the sweep that failed")
        self.seedings = counter("seedings", "Times the store got everything from the database")
        self.seeding_failures = counter("seeding_failures", "Looks at the store's marks that failed")
        self.revocations = counter("revocations", "Revocations written down", ("kind",))
        self.scale_requests = counter("scale_requests", "Scale requests made, by action; releases too", ("action",))
        self.applier_failures = counter("applier_failures", "Rounds of bringing revocations to the store that failed")
        self.revocations_pending = Gauge(
            "moorage_controlplane_revocations_pending", "Revocations that are not yet applied", registry=registry
        )
        self.database_up = Gauge("moorage_controlplane_database_up", "1 while the database answers", registry=registry)
        self.database_full = Gauge(
            "moorage_controlplane_database_full", "1 since a write found no room, until one does", registry=registry
        )
        self.events_lag_seconds = Gauge(
            "moorage_controlplane_events_lag_seconds",
            "Age of the oldest event of the newest batch when it was written",
            registry=registry,
        )

    def database_retried(self, trouble: str) -> None:
        """One more try."""
        self.database_retries.labels(trouble).inc()
