import json
from pathlib import Path

from bench.rows import Goal, Row, judge, table, verdicts, write_json

ROWS = [Row("moorage", "cost", 1.2, "us"), Row("nginx", "cost", 1.0, "us"), Row("envoy", "cost", 1.5, "us")]


def test_a_figure_at_its_bound_meets_the_goal() -> None:
    (verdict,) = judge([Goal("cost", 1.2)], ROWS)

    assert verdict.is_met is True


def test_a_goal_against_peers_asks_for_the_cheapest_of_them() -> None:
    (verdict,) = judge([Goal("cost", 1.0, than=("nginx", "envoy"))], ROWS)

    assert (verdict.limit, verdict.is_met) == (1.0, False)


def test_a_peer_that_was_not_measured_does_not_count() -> None:
    (verdict,) = judge([Goal("cost", 1.0, than=("haproxy", "envoy"))], ROWS)

    assert (verdict.limit, verdict.is_met) == (1.5, True)


def test_a_goal_without_a_figure_is_unknown_and_says_so() -> None:
    judged = judge([Goal("speed", 5.0, at_least=True)], ROWS)

    assert judged[0].is_met is None
    assert verdicts(judged) == "unknown  moorage speed: not measured, goal >= 5.000"


def test_a_goal_asking_for_much_is_missed_by_little() -> None:
    (verdict,) = judge([Goal("cost", 1.3, at_least=True)], ROWS)

    assert verdict.is_met is False


def test_the_table_has_metrics_down_and_names_across() -> None:
    drawn = table([*ROWS, Row("moorage", "rate", 12345.6, "/s")]).splitlines()

    assert drawn[0].split() == ["metric", "unit", "moorage", "nginx", "envoy"]
    assert drawn[2].split() == ["rate", "/s", "12,346", "-", "-"]


def test_rows_are_written_as_a_json_list(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "rows.json", ROWS[:1])

    assert json.loads((tmp_path / "new" / "rows.json").read_text()) == [
        {"name": "moorage", "metric": "cost", "value": 1.2, "unit": "us"}
    ]
