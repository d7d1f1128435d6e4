"""Connections, bytes, endings, links and what a gateway has still to tell the store."""

from __future__ import annotations

from helm.dashboards.board import Board, Line, Panel, Row, Variable
from helm.dashboards.queries import IN_POD, SINCE, processes, quantiles, rate


def _gauge(metric: str) -> tuple[Line, ...]:
    return (Line(f"moorage_gateway_{metric}{{{IN_POD}}}", "{{pod}}"),)


def _rate(metric: str, label: str) -> tuple[Line, ...]:
    return (Line(rate(f"moorage_gateway_{metric}", label, IN_POD), f"{{{{{label}}}}}"),)


_CONNECTIONS = Row(
    "Connections",
    (
        Panel(
            "Open connections",
            "Of clients, by gateway; beside the bound.",
            "short",
            (
                *_gauge("connections"),
                Line(f"max(moorage_gateway_connections_limit{{{IN_POD}}})", "bound of one"),
            ),
        ),
        Panel("Sessions relayed", "By gateway.", "short", _gauge("sessions"), is_stacked=True),
        Panel("Upgrades under way", "Waiting ones included.", "short", _gauge("handshakes")),
        Panel("Upgrades", "By result.", "reqps", _rate("connects_total", "result"), is_stacked=True),
        Panel("Refusals", "By code.", "reqps", _rate("refusals_total", "code"), is_stacked=True),
        Panel(
            "Faults",
            "Bugs that were caught: stays 0.",
            "short",
            (Line(f"increase(moorage_gateway_faults_total{{{IN_POD}}}{SINCE})", "{{pod}}"),),
        ),
    ),
)
_RELAY = Row(
    "Relay",
    (
        Panel("Bytes", "By who sent them.", "Bps", _rate("relay_bytes_total", "from")),
        Panel("Messages", "By who sent them.", "reqps", _rate("relay_messages_total", "from")),
        Panel(
            "Endings",
            "What the wire saw, and on whose side.",
            "reqps",
            (Line(rate("moorage_gateway_endings_total", "cause, by", IN_POD), "{{cause}} by {{by}}"),),
            is_stacked=True,
        ),
        Panel("Closed by us", "With a code of ours.", "reqps", _rate("closes_total", "code"), is_stacked=True),
        Panel("Dialling a worker", "To its answer.", "s", quantiles("moorage_gateway_dial_seconds", IN_POD)),
        Panel("Failed dials", "By why.", "reqps", _rate("dial_failures_total", "why"), is_stacked=True),
    ),
)
_WORKERS = Row(
    "Links of workers",
    (
        Panel("Links", "Workers whose link ends here.", "short", _gauge("links"), is_stacked=True),
        Panel("Registrations", "By result.", "reqps", _rate("link_registrations_total", "result")),
        Panel("Links closed by us", "By why.", "reqps", _rate("link_closes_total", "code")),
        Panel(
            "What cannot be so",
            "in_use: more sessions than slots, an over-grant.",
            "short",
            (Line(f"sum by (what) (increase(moorage_gateway_link_lies_total{{{IN_POD}}}{SINCE}))", "{{what}}"),),
        ),
        Panel("Workers that dial out", "Their connections, by result.", "reqps", _rate("arrivals_total", "result")),
        Panel("From asking them to their coming", "", "s", quantiles("moorage_gateway_dialout_seconds", IN_POD)),
    ),
)
_STORE = Row(
    "Store and drain",
    (
        Panel("Writes that wait", "End records above all; 0 soon after each peak.", "short", _gauge("reports_pending")),
        Panel("In step with the store", "1 while nothing is missed.", "short", _gauge("in_step")),
        Panel(
            "Failed calls",
            "By kind.",
            "reqps",
            (Line(rate("moorage_scheduler_store_failures_total", "kind", IN_POD), "{{kind}}"),),
        ),
        Panel("Sessions left to drain", "Of gateways that stop.", "short", _gauge("drain_sessions_left")),
        Panel(
            "Certificates end in",
            "",
            "s",
            (
                Line(
                    f"min by (use) (moorage_gateway_certificate_expiry_timestamp_seconds{{{IN_POD}}}) - time()",
                    "{{use}}",
                ),
            ),
        ),
        Panel("Keys that verify tokens", "At 0 nobody gets in.", "short", _gauge("token_keys")),
    ),
)

BOARD = Board(
    "gateway",
    "Moorage: gateways",
    (
        Variable("namespace", "moorage_gateway_ready", is_many=False),
        Variable("pod", "moorage_gateway_ready"),
    ),
    (_CONNECTIONS, _RELAY, _WORKERS, _STORE, processes("gateway")),
)
