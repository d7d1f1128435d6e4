"""Alerts: each fires when it must, none does over a fleet that is well, and each says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import NAMESPACE, Document
from tests.helm.monitoring import files
from tests.helm.monitoring.cases import CASES, EVERY_SECONDS, HEALTHY, LOOK_AT_MINUTES, Series
from tests.helm.monitoring.promql import asked

RUNBOOK = "docs/operate.md#"
FIRING = 'ALERTS{alertstate="firing"}'


@pytest.mark.parametrize("name", CASES)
def test_it_fires(name: str, tmp_path: Path) -> None:
    case, alert = CASES[name], files.alerts()[name]
    labels = {"namespace": NAMESPACE, **alert["labels"], **case.labels, "alertname": name, "alertstate": "firing"}
    firing = [{"labels": _written(labels), "value": 1}]

    done = promtool_test(tmp_path, [alert], case.series, {FIRING: firing})

    assert done == ""


def test_none_fires_over_a_fleet_that_is_well(tmp_path: Path) -> None:
    assert promtool_test(tmp_path, files.alerts().values(), HEALTHY, {FIRING: []}) == ""


def test_the_fleet_that_is_well_has_every_series_that_an_alert_asks_for() -> None:
    there = {name.partition("{")[0] for name in HEALTHY}
    recorded = {rule["record"] for rule in files.rules() if "record" in rule}

    missing = {name: sorted(asked(alert["expr"]).metrics - there - recorded) for name, alert in files.alerts().items()}

    assert {name: metrics for name, metrics in missing.items() if metrics} == {}


def test_every_alert_has_its_case_and_no_other_one_is_there() -> None:
    assert set(CASES) == set(files.alerts())


@pytest.mark.parametrize("name", files.alerts())
def test_it_says_how_bad_it_is_what_happened_what_to_do_and_where_more_is_written(name: str) -> None:
    alert = files.alerts()[name]
    said = alert["annotations"]

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert re.fullmatch(r"\d+[smh]", alert["for"])
    assert set(said) == {"summary", "description", "runbook_url"}
    assert said["runbook_url"] == f"{RUNBOOK}{name.lower()}"
    assert "$" not in said["summary"]
    assert len(said["description"]) > len(said["summary"]) + 40


@pytest.mark.parametrize("name", CASES)
def test_its_words_use_only_labels_that_it_has(name: str) -> None:
    text = files.alerts()[name]["annotations"]["description"]

    assert set(re.findall(r"\$labels\.(\w+)", text)) <= {"namespace", *CASES[name].labels}


def test_promtool_has_nothing_against_any_rule(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": files.groups()}))

    done = files.promtool("check", "rules", "--lint=all", "--lint-fatal", path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_must_fire_and_does_not_is_found(tmp_path: Path) -> None:
    name = "MoorageRestErrors"
    firing = [{"labels": _written({"alertname": name, "alertstate": "firing"}), "value": 1}]

    assert name in promtool_test(tmp_path, [files.alerts()[name]], {}, {FIRING: firing})


def promtool_test(
    folder: Path, alerts: Iterable[Document], series: Series, expected: Mapping[str, list[Document]]
) -> str:
    """What promtool has against it: nothing where each expression has these samples. Rules that are not asked about cost
    seconds."""
    test = {
        "rule_files": [str(rule_file(folder, alerts))],
        "evaluation_interval": f"{EVERY_SECONDS}s",
        "tests": [
            {
                "interval": f"{EVERY_SECONDS}s",
                "input_series": [{"series": name, "values": values.strip()} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": expression, "eval_time": f"{LOOK_AT_MINUTES}m", "exp_samples": samples}
                    for expression, samples in expected.items()
                ],
            }
        ],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    done = files.promtool("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def rule_file(folder: Path, alerts: Iterable[Document]) -> Path:
    """Beside how many of each program are wanted."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [files.groups()[0], {"name": "asked", "rules": list(alerts)}]}))
    return path


def _written(labels: dict[str, str]) -> str:
    return "ALERTS{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
