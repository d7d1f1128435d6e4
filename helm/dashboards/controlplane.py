"""REST, events, revocations and the database."""

from __future__ import annotations

from helm.dashboards.board import Board, Line, Panel, Row, Variable
from helm.dashboards.queries import IN, IN_POD, SINCE, processes, quantile, quantiles, rate


def _increase(metric: str, legend: str) -> Line:
    return Line(f"sum(increase(moorage_controlplane_{metric}{{{IN_POD}}}{SINCE}))", legend)


_REST = Row(
    "REST",
    (
        Panel(
            "Requests by status",
            "",
            "reqps",
            (Line(rate("moorage_controlplane_requests_total", "status", IN_POD), "{{status}}"),),
            is_stacked=True,
        ),
        Panel(
            "Requests by route",
            "",
            "reqps",
            (Line(rate("moorage_controlplane_requests_total", "method, route", IN_POD), "{{method}} {{route}}"),),
        ),
        Panel(
            "Answered with 5xx",
            "Part of all.",
            "percentunit",
            (
                Line(
                    f'sum(rate(moorage_controlplane_requests_total{{{IN_POD}, status=~"5.."}}{SINCE}))'
                    f" / sum(rate(moorage_controlplane_requests_total{{{IN_POD}}}{SINCE}))",
                    "5xx",
                ),
            ),
        ),
        Panel("Time to answer", "Over all routes.", "s", quantiles("moorage_controlplane_request_seconds", IN_POD)),
        Panel(
            "Slow ones by route",
            "99 of 100 are faster.",
            "s",
            (
                Line(
                    quantile(0.99, "moorage_controlplane_request_seconds", "method, route", IN_POD),
                    "{{method}} {{route}}",
                ),
            ),
        ),
        Panel(
            "Refusals",
            "By code.",
            "reqps",
            (Line(rate("moorage_controlplane_refusals_total", "code", IN_POD), "{{code}}"),),
            is_stacked=True,
        ),
        Panel(
            "Under way",
            "Requests not yet answered.",
            "short",
            (Line(f"moorage_controlplane_requests_under_way{{{IN_POD}}}", "{{pod}}"),),
        ),
    ),
)
_SESSIONS = Row(
    "Sessions and events",
    (
        Panel(
            "Sessions made and ended",
            "",
            "reqps",
            (
                Line(f"sum(rate(moorage_controlplane_sessions_created_total{{{IN_POD}}}{SINCE}))", "made"),
                Line(rate("moorage_controlplane_sessions_ended_total", "status, code", IN_POD), "{{status}} {{code}}"),
            ),
        ),
        Panel(
            "Events written",
            "By type.",
            "reqps",
            (Line(rate("moorage_controlplane_events_total", "type", IN_POD), "{{type}}"),),
            is_stacked=True,
        ),
        Panel(
            "Rows are behind by",
            "Age of the oldest event of the newest batch.",
            "s",
            (Line(f"moorage_controlplane_events_lag_seconds{{{IN_POD}}}", "{{pod}}"),),
        ),
        Panel(
            "Revocations not in force",
            "Falls to 0 within a second.",
            "short",
            (Line(f"max(moorage_controlplane_revocations_pending{{{IN_POD}}})", "waiting"),),
        ),
        Panel(
            "Events out of order",
            "Early ones wait for their row; those given up had none.",
            "short",
            (_increase("events_early_total", "early"), _increase("events_unknown_total", "given up")),
        ),
        Panel(
            "Rounds that failed",
            "Of what the control plane does by itself.",
            "short",
            (
                _increase("consumer_failures_total", "events"),
                _increase("sweep_failures_total", "overdue sessions"),
                _increase("seeding_failures_total", "seeding"),
                _increase("applier_failures_total", "revocations"),
                _increase("join_key_failures_total", "join keys"),
            ),
        ),
    ),
)
_BELOW = Row(
    "Database and store",
    (
        Panel(
            "Database",
            "1 while it answers.",
            "short",
            (Line(f"moorage_controlplane_database_up{{{IN_POD}}}", "{{pod}}"),),
        ),
        Panel(
            "Transactions tried again",
            "By trouble.",
            "reqps",
            (Line(rate("moorage_controlplane_database_retries_total", "trouble", IN_POD), "{{trouble}}"),),
        ),
        Panel(
            "The store's memory",
            "Of the fullest server, beside its limit.",
            "bytes",
            (
                Line(f"max(moorage_scheduler_store_used_bytes{{{IN}}})", "used"),
                Line(f"max(moorage_scheduler_store_limit_bytes{{{IN}}}) > 0", "limit"),
            ),
        ),
        Panel(
            "Failed calls of the store",
            "By kind.",
            "reqps",
            (Line(rate("moorage_scheduler_store_failures_total", "kind", IN_POD), "{{kind}}"),),
        ),
        Panel(
            "Sweeps end late by",
            "Leases and deadlines of the store lapse late by as much.",
            "s",
            quantiles("moorage_scheduler_sweep_lag_seconds"),
        ),
        Panel(
            "Seedings",
            "Times the store got everything from the database: after a loss of its data.",
            "short",
            (_increase("seedings_total", "seedings"),),
        ),
    ),
)

BOARD = Board(
    "controlplane",
    "Moorage: control plane",
    (
        Variable("namespace", "moorage_controlplane_ready", is_many=False),
        Variable("pod", "moorage_controlplane_ready"),
    ),
    (_REST, _SESSIONS, _BELOW, processes("controlplane")),
)
