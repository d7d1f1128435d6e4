"""What alerts, rules and dashboards ask for is what the programs show: every name, label and label's value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.io.metrics import CAUSES
from autoscaler.observation import Freeze, Health
from moorage.errors import Code
from scheduler.io.redis.client.failures import Kind
from scheduler.values import WorkerState
from tests.helm.charts import NAMESPACE
from tests.helm.monitoring import files
from tests.helm.monitoring.promql import Asked, Matcher, Selector, asked
from tests.helm.monitoring.registries import Known, programs

OF_PROMETHEUS = frozenset({"namespace", "pod", "job", "instance"})
"""Labels that a scrape adds."""
STATUSES = [str(status) for status in range(100, 600)]
VALUES: dict[tuple[str, str], list[str]] = {
    ("moorage_gateway_refusals_total", "code"): [code.value for code in Code],
    ("moorage_gateway_connects_total", "result"): ["relayed", "refused", "gone", "failed"],
    ("moorage_gateway_certificate_reloads_total", "result"): ["ok", "failed"],
    ("moorage_gateway_token_keys_loads_total", "result"): ["ok", "bad"],
    ("moorage_gateway_link_lies_total", "what"): ["session", "in_use", "load", "name"],
    ("moorage_gateway_link_registrations_total", "result"): ["registered", *(code.value for code in Code)],
    ("moorage_scheduler_workers", "state"): [state.value for state in WorkerState],
    ("moorage_scheduler_store_failures_total", "kind"): [kind.value for kind in Kind],
    ("moorage_autoscaler_frozen", "reason"): [freeze.value for freeze in Freeze],
    ("moorage_autoscaler_signals", "health"): [health.value for health in Health],
    ("moorage_autoscaler_sessions_cut_total", "cause"): list(CAUSES),
    ("moorage_autoscaler_kubernetes_calls_total", "code"): ["unreachable", "withheld", *STATUSES],
    ("moorage_controlplane_requests_total", "status"): STATUSES,
}
"""Closed sets that a condition must name values of."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


async def test_every_series_and_every_label_is_one_that_the_programs_show(folder: Path) -> None:
    known = {**await programs(folder), **recorded(), "ALERTS": frozenset({"alertname", "alertstate", "severity"})}

    wrong = [f"{where}: {what}" for where, found in everything() for what in against(found, known)]

    assert wrong == []


def test_every_condition_names_a_value_that_there_is() -> None:
    wrong = [
        f"{where}: {selector.metric} has no {matcher.label}={part!r}"
        for where, found in everything()
        for selector in found.selectors
        for matcher in selector.matchers
        for part in misnamed(selector, matcher)
    ]

    assert wrong == []


def test_each_expression_asks_only_for_its_own_namespace() -> None:
    elsewhere = [
        f"{rule.get('alert') or rule['record']}: {selector.metric}"
        for rule in files.rules()
        for selector in asked(rule["expr"]).selectors
        if Matcher("namespace", "=", NAMESPACE) not in selector.matchers and not is_a_side_condition(selector)
    ]

    assert elsewhere == []


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("moorage_gateway_sesions", "there is no moorage_gateway_sesions"),
        ('moorage_gateway_sessions{pol="x"}', "moorage_gateway_sessions has no label pol"),
        ("sum by (pol) (moorage_gateway_sessions)", "nothing in it has a label pol"),
    ],
)
def test_a_misspelt_one_is_found(expression: str, what: str) -> None:
    assert list(against(asked(expression), {"moorage_gateway_sessions": frozenset()})) == [what]


def test_a_misspelt_value_is_found() -> None:
    selector = Selector("moorage_gateway_refusals_total", (Matcher("code", "=~", "NO_CAPACITY|NO_CAPACTY"),))

    assert misnamed(selector, selector.matchers[0]) == ["NO_CAPACTY"]


def everything() -> Iterator[tuple[str, Asked]]:
    """All expressions, and where they stand."""
    for rule in files.rules():
        yield rule.get("alert") or rule["record"], asked(rule["expr"])
    for query in files.queries():
        yield f"{query.dashboard}: {query.panel}", asked(query.expression)


def recorded() -> Known:
    """What rules make, by the labels that they keep."""
    return {rule["record"]: asked(rule["expr"]).grouped for rule in files.rules() if "record" in rule}


def against(found: Asked, known: Known) -> Iterator[str]:
    """What is wrong with it."""
    labels = set(OF_PROMETHEUS)
    for selector in found.selectors:
        if selector.metric not in known:
            yield f"there is no {selector.metric}"
            return
        has = known[selector.metric] | OF_PROMETHEUS
        labels |= has
        for matcher in selector.matchers:
            if matcher.label not in has:
                yield f"{selector.metric} has no label {matcher.label}"
    for label in sorted(found.grouped - labels):
        yield f"nothing in it has a label {label}"


def misnamed(selector: Selector, matcher: Matcher) -> list[str]:
    """Parts of a condition that match no value there is."""
    values = VALUES.get((selector.metric, matcher.label))
    if values is None or "$" in matcher.value:
        return []
    parts = matcher.value.split("|") if "~" in matcher.operator else [matcher.value]
    return [part for part in parts if not any(re.fullmatch(part, value) for value in values)]


def is_a_side_condition(selector: Selector) -> bool:
    """Joined on its namespace with what is asked for: which autoscaler leads, whose process it is."""
    return not selector.matchers and selector.metric.endswith(("_leader", "_ready"))
