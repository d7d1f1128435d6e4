"""What is found in an expression, so that a misspelt name is."""

from __future__ import annotations

from tests.helm.monitoring.promql import Matcher, Selector, asked


def test_selectors_matchers_and_groupings_are_told_apart() -> None:
    found = asked(
        'sum by (namespace, pool) (rate(a_total{code=~"x|y", pod!="p}"}[5m])) / on (pool) group_left () b > 0.5 and c offset 5m'
    )

    assert found.selectors == (
        Selector("a_total", (Matcher("code", "=~", "x|y"), Matcher("pod", "!=", "p}"))),
        Selector("b"),
        Selector("c"),
    )
    assert found.grouped == {"namespace", "pool"}


def test_functions_numbers_durations_and_comments_are_no_metrics() -> None:
    found = asked("# a comment\nclamp_min(0.05 * max by (pod) (a), 1e3) unless time() - b < 14 * 86400")

    assert found.metrics == {"a", "b"}


def test_an_aggregation_may_say_its_labels_last() -> None:
    assert asked("sum(a) by (pod) or count without (le) (b)").metrics == {"a", "b"}
