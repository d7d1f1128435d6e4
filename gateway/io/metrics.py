"""What a gateway shows of itself. Labels are closed sets: never a session, user or address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway.io.counter import FastCounter
from gateway.io.histogram import FastHistogram
from scheduler.values import Usage

_FAST_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)


class GatewayMetrics:
    """All series of one gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connects = FastCounter(
            "moorage_gateway_connects", "Upgrades by result", "result", registry
        )  # result: relayed | refused | gone | failed
        self.refusals = Counter("moorage_gateway_refusals_total", "Refused upgrades", ["code"], registry=registry)
        self.endings = Counter(
            "moorage_gateway_endings_total", "Relays ended, by what the wire saw", ["cause", "by"], registry=registry
        )
        self.closes = FastCounter("moorage_gateway_closes", "Relays closed with a code of ours", "code", registry)
        self.claim_seconds = FastHistogram(
            "moorage_gateway_claim_seconds", "From claim to its first answer", _FAST_SECONDS, registry
        )
        self.queue_seconds = FastHistogram(
            "moorage_gateway_queue_seconds", "Time in the admission queue", _WAIT_SECONDS, registry
        )
        self.dial_seconds = FastHistogram(
            "moorage_gateway_dial_seconds",
            "From dialling a worker to its answer",
            _FAST_SECONDS,
            registry,
        )
        self.dial_failures = Counter(
            "moorage_gateway_dial_failures_total", "Workers that could not be reached", ["why"], registry=registry
        )  # why: connect | timeout | garbage | unavailable | ticket
        self.tickets_issued = Counter(
            "moorage_gateway_tickets_issued_total", "Workers that dial out asked to come", registry=registry
        )
        self.tickets_waiting = Gauge(
            "moorage_gateway_tickets_waiting", "Attaches that wait for a worker that dials out", registry=registry
        )
        self.arrivals = FastCounter(
            "moorage_gateway_arrivals", "Connections of workers that dial out, by result", "result", registry
        )  # result: gateway.tickets.Verdict, or malformed | timeout | tls | gone | outside | struck | full
        self.dialout_seconds = FastHistogram(
            "moorage_gateway_dialout_seconds",
            "From asking a worker that dials out to its connection",
            _FAST_SECONDS,
            registry,
        )
        self.admit_seconds = FastHistogram(
            "moorage_gateway_admit_seconds", "From accept to relayed", _FAST_SECONDS, registry
        )
        self.connections = Gauge("moorage_gateway_connections", "Open client connections", registry=registry)
        self.connections_limit = Gauge(
            "moorage_gateway_connections_limit", "Client connections that there may be at once", registry=registry
        )
        self.handshakes = Gauge("moorage_gateway_handshakes", "Upgrades in progress", registry=registry)
        self.sessions = Gauge("moorage_gateway_sessions", "Sessions relayed now", registry=registry)
        self.drain_left = Gauge(
            "moorage_gateway_drain_sessions_left", "Sessions a drain has still to move", registry=registry
        )
        self.store_retries = Counter(
            "moorage_gateway_store_retries_total", "Writes repeated because the store was away", registry=registry
        )
        self.reports_pending = Gauge(
            "moorage_gateway_reports_pending", "Writes the store has not taken", registry=registry
        )
        self.reports_lost = Counter(
            "moorage_gateway_reports_lost_total",
            "Writes given up when the gateway closed while the store was away, by the store's method",
            ["kind"],
            registry=registry,
        )
        self.in_step = Gauge(
            "moorage_gateway_in_step", "1 while nothing the store says or wants to know is missed", registry=registry
        )
        self.resyncs = Counter(
            "moorage_gateway_resyncs_total", "Times it fell out of step with the store", ["why"], registry=registry
        )  # why: unavailable | unknown | watch | frozen | fault
        self.adoption_waiting = Gauge(
            "moorage_gateway_adoption_waiting",
            "Sessions that the store cannot take up until their worker is back",
            registry=registry,
        )
        self.certificate_reloads = Counter(
            "moorage_gateway_certificate_reloads_total", "Certificates read again", ["result"], registry=registry
        )
        for result in ("ok", "failed"):  # an alert sees a first failure only where 0 came before
            self.certificate_reloads.labels(result)
        self.certificate_expiry = Gauge(
            "moorage_gateway_certificate_expiry_timestamp_seconds",
            "Unix time at which the certificate in use ends",
            ["use"],
            registry=registry,
        )  # use: clients | links
        self.faults = Counter("moorage_gateway_faults_total", "Bugs caught at the edge of a task", registry=registry)


class RelayedTotals(Collector):
    """Bytes and messages relayed: what ended, and what live relays have carried so far, read when scraped."""

    def __init__(self, totals: Callable[[], Usage], registry: CollectorRegistry) -> None:
        self._totals = totals
        registry.register(self)

    def describe(self) -> list[CounterMetricFamily]:
        """Names without values, so that registering does not read anything."""
        return [_bytes(), _messages()]

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One family for bytes, one for messages; `from` is who sent them."""
        totals = self._totals()
        carried = _bytes()
        carried.add_metric(["client"], totals.bytes_in)
        carried.add_metric(["worker"], totals.bytes_out)
        yield carried
        messages = _messages()
        messages.add_metric(["client"], totals.messages_in)
        messages.add_metric(["worker"], totals.messages_out)
        yield messages


def _bytes() -> CounterMetricFamily:
    return CounterMetricFamily("moorage_gateway_relay_bytes", "WebSocket bytes relayed, by sender", labels=["from"])


def _messages() -> CounterMetricFamily:
    return CounterMetricFamily("moorage_gateway_relay_messages", "Data messages relayed, by sender", labels=["from"])
