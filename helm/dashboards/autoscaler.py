"""What each pool should have and has, what was decided and why, and what holds it back."""

from __future__ import annotations

from helm.dashboards.board import Board, Line, Panel, Row, Variable
from helm.dashboards.queries import IN, IN_POOL, OF_POOL, SINCE, quantiles, rate

PLACE = "{{region}}/{{pool}}"
LEADS = f"and on (namespace, pod, region, pool) moorage_autoscaler_leader{{{IN_POOL}}} == 1"
"""One that led before still shows what it saw then."""


def _led(metric: str, by: str = OF_POOL) -> str:
    return f"max by ({by}) (moorage_autoscaler_{metric}{{{IN_POOL}}} {LEADS})"


def _counted(metric: str, label: str = "") -> tuple[Line, ...]:
    by = f"{OF_POOL}, {label}" if label else OF_POOL
    legend = f"{PLACE} {{{{{label}}}}}" if label else PLACE
    return (Line(f"sum by ({by}) (increase(moorage_autoscaler_{metric}{{{IN_POOL}}}{SINCE}))", legend),)


_WORKERS = Row(
    "Workers",
    (
        Panel(
            "Wanted and there",
            "Serving follows wanted within the lead time.",
            "short",
            (
                Line(_led("desired_workers"), f"{PLACE} wanted"),
                Line(_led("serving_workers"), f"{PLACE} serving"),
                Line(_led("target_replicas"), f"{PLACE} replicas"),
            ),
        ),
        Panel(
            "On their way and leaving",
            "Overdue: started long ago, and not serving.",
            "short",
            (
                Line(_led("starting_workers"), f"{PLACE} starting"),
                Line(_led("draining_workers"), f"{PLACE} draining"),
                Line(_led("overdue_workers"), f"{PLACE} overdue"),
            ),
        ),
        Panel(
            "Free slots and who waits",
            "",
            "short",
            (Line(_led("free_slots"), f"{PLACE} free"), Line(_led("waiting_sessions"), f"{PLACE} waiting")),
        ),
    ),
)
_DECISIONS = Row(
    "Decisions",
    (
        Panel(
            "What won",
            "Decisions by the kind of candidate.",
            "short",
            _counted("decisions_total", "reason"),
            is_stacked=True,
        ),
        Panel("What was written", "", "short", _counted("changes_total", "change"), is_stacked=True),
        Panel("Reversals", "Against the direction of the last change.", "short", _counted("reversals_total")),
        Panel(
            "Frozen",
            "1 while a freeze is in force, by reason.",
            "short",
            (Line(f"{_led('frozen', f'{OF_POOL}, reason')} > 0", f"{PLACE} {{{{reason}}}}"),),
        ),
        Panel("At the maximum", "1 while more are wanted than it allows.", "short", (Line(_led("at_maximum"), PLACE),)),
        Panel(
            "Who leads",
            "1 for each pool.",
            "short",
            (Line(f"sum by ({OF_POOL}) (moorage_autoscaler_leader{{{IN_POOL}}})", PLACE),),
        ),
    ),
)
_TRUST = Row(
    "Signals and harm",
    (
        Panel(
            "Rules by health",
            "Lost ones never lower anything.",
            "short",
            (Line(_led("signals", f"{OF_POOL}, health"), f"{PLACE} {{{{health}}}}"),),
        ),
        Panel("Age of the oldest sample", "", "s", (Line(_led("signal_age_seconds"), PLACE),)),
        Panel(
            "Sessions cut",
            "scale_in stays 0.",
            "short",
            _counted("sessions_cut_total", "cause"),
        ),
        Panel("Wrong victims", "Stays 0.", "short", _counted("wrong_victims_total")),
        Panel(
            "Conflicts and failures",
            "Replicas that somebody else moved; steps that did not work.",
            "short",
            (*_counted("conflicts_total"), *_counted("failures_total")),
        ),
        Panel("Not published", "Looks that the store did not take.", "short", _counted("unpublished_total")),
    ),
)
_TIME = Row(
    "Time, and the API server",
    (
        Panel("A look at a pool", "Writes included.", "s", quantiles("moorage_autoscaler_tick_seconds", IN_POOL)),
        Panel("From a pod's making to serving", "", "s", quantiles("moorage_autoscaler_pod_start_seconds", IN_POOL)),
        Panel(
            "Lead time as measured",
            "From raising replicas to a worker that serves.",
            "s",
            (Line(_led("lead_seconds"), PLACE),),
        ),
        Panel(
            "Calls of the API server",
            "By verb and code.",
            "reqps",
            (Line(rate("moorage_autoscaler_kubernetes_calls_total", "verb, code"), "{{verb}} {{code}}"),),
        ),
        Panel(
            "Removals",
            "By outcome.",
            "short",
            (
                Line(
                    f"sum by (mode, outcome) (increase(moorage_autoscaler_kubernetes_removals_total{{{IN}}}{SINCE}))",
                    "{{mode}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            "Lists read anew",
            "By why.",
            "reqps",
            (Line(rate("moorage_autoscaler_kubernetes_relists_total", "why"), "{{why}}"),),
        ),
    ),
)

BOARD = Board(
    "autoscaler",
    "Moorage: autoscaler",
    (
        Variable("namespace", "moorage_autoscaler_ready", is_many=False),
        Variable("region", "moorage_autoscaler_leader"),
        Variable("pool", "moorage_autoscaler_leader"),
    ),
    (_WORKERS, _DECISIONS, _TRUST, _TIME),
)
