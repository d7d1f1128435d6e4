import pytest

from autoscaler.replay import tracefile
from autoscaler.replay.tracefile import TraceError, read_trace

HEADER = "start,end,region\n"


def test_each_region_gets_its_sessions_in_order() -> None:
    us, eu = read_trace([HEADER, "20,50,us\n", "10,40,us\n", "5,6.5,eu\n"])[::-1]

    assert (us.region, list(us.starts), list(us.lengths)) == ("us", [10.0, 20.0], [30.0, 30.0])
    assert (eu.region, list(eu.starts), list(eu.lengths)) == ("eu", [5.0], [1.5])


def test_times_may_be_rfc_3339_and_columns_in_any_order_beside_others() -> None:
    lines = ["\ufeffRegion, id ,END,start\n", "eu,7,1970-01-01T02:00:00+01:00,1970-01-01T00:59:00Z\n", "\n"]

    (eu,) = read_trace(lines)

    assert (list(eu.starts), list(eu.lengths)) == ([3540.0], [60.0])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "line 1: no column 'start'"),
        (["start,end\n"], "line 1: no column 'region'; the header is start,end,region, seen: 'start,end'"),
        (["start,start,end,region\n"], "line 1: more than one column 'start'"),
        ([HEADER], "no sessions"),
        ([HEADER, "1,2,eu\n", "x,2,eu\n"], "line 3, column start: 'x' is neither"),
        ([HEADER, "1,2026-01-31 12:00:00,eu\n"], "line 2, column end: '2026-01-31 12:00:00' has no offset"),
        ([HEADER, "1,inf,eu\n"], "line 2, column end: 'inf' is no moment"),
        ([HEADER, "nan,2,eu\n"], "line 2, column start: 'nan' is no moment"),
        ([HEADER, "9,2,eu\n"], "line 2, column end: the session ends 7 s before it starts"),
        ([HEADER, "1,2\n"], "line 2, column region: missing"),
        ([HEADER, "1,2, \n"], "line 2, column region: ''"),
        ([HEADER, f"1,2,{'e' * 65}\n"], "line 2, column region: 'eeee"),
        ([HEADER, '1,2,"eu\n'], "line 2: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(lines: list[str], says: str) -> None:
    with pytest.raises(TraceError) as raised:
        read_trace(lines)

    assert says in str(raised.value)


def test_a_trace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracefile, "MOST_SESSIONS", 2)

    with pytest.raises(TraceError, match="more than 2 sessions"):
        read_trace([HEADER, "1,2,eu\n", "1,2,eu\n", "1,2,eu\n"])
