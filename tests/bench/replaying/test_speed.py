from bench.replaying.speed import decide_rows


def test_the_cost_of_a_decision_is_a_median_a_percentile_and_a_maximum() -> None:
    p50, p99, most = (row.value for row in decide_rows(20))

    assert 0.0 < p50 <= p99 <= most
