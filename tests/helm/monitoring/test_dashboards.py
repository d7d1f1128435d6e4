"""Dashboards: Grafana can read them, Prometheus their queries, and what is chosen at the top reaches each query."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.helm.monitoring import files
from tests.helm.monitoring.promql import asked

NAMES = ("autoscaler", "controlplane", "fleet", "gateway")


def test_each_subject_has_one() -> None:
    assert tuple(files.dashboards()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_its_panels_lie_beside_each_other_and_have_names_of_their_own(name: str) -> None:
    panels = files.dashboards()[name]["panels"]
    taken = [spot for panel in panels for spot in _spots(panel["gridPos"])]

    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("name", NAMES)
def test_its_data_source_is_chosen_and_nowhere_named(name: str) -> None:
    dashboard = files.dashboards()[name]
    sources = {json.dumps(panel["datasource"]) for panel in dashboard["panels"] if panel["type"] != "row"}

    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}


@pytest.mark.parametrize("name", NAMES)
def test_its_queries_use_every_variable_and_no_other(name: str) -> None:
    dashboard = files.dashboards()[name]
    variables = {each["name"] for each in dashboard["templating"]["list"]} - {"datasource"}
    expressions = [query.expression for query in files.queries() if query.dashboard == name]
    used = {found for expression in expressions for found in re.findall(r'"\$(\w+)"', expression)}

    assert used == variables
    assert [each for each in expressions if '"$namespace"' not in each] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_variables_take_their_values_from_a_label_of_a_metric(name: str) -> None:
    for variable in files.dashboards()[name]["templating"]["list"][1:]:
        found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["definition"])

        assert found is not None
        assert found[2] == variable["name"]


def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:number_{number}", "expr": query.expression.replace("$__rate_interval", "5m")}
        for number, query in enumerate(files.queries())
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    done = files.promtool("check", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rules) > 80


def test_legends_name_labels_that_the_query_leaves() -> None:
    wrong = [
        (query.panel, label)
        for query in files.queries()
        for label in re.findall(r"\{\{(\w+)\}\}", query.legend)
        if label not in asked(query.expression).grouped | {"pod"}
    ]

    assert wrong == []


def _spots(place: dict[str, int]) -> list[tuple[int, int]]:
    columns = range(place["x"], place["x"] + place["w"])
    return [(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])]
