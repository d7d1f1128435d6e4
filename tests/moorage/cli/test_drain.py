"""`moorage drain`: what it asks of the API, how it shows what it is told, and how it ends."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from moorage.cli import drain_watch
from moorage.cli.drain_watch import line
from moorage.cli.durations import parse_seconds, shown
from moorage.cli.root import moorage
from tests.moorage.cli.test_rest import Api, api

__all__ = ["api"]

WORKER = "wrk_01m80ys39aebt8zzbwp2kn8dv6"


def a_drain(state: str = "waiting", left: int = 4, told: int = 0, **said: Any) -> dict[str, Any]:
    """As the API shows it."""
    drain = {
        "id": "drn_1",
        "kind": "worker",
        "worker_id": WORKER,
        "gateway_id": None,
        "region": None,
        "pool": None,
        "state": state,
        "deadline": "2026-01-01T00:00:00.000Z",
        "rate_per_second": 10.0,
        "reason": "",
        "sessions_at_start": 4,
        "sessions_left": left,
        "sessions_told": told,
        "eta_seconds": 90.0 if state in ("waiting", "moving") else None,
    }
    return drain | said


def run(*arguments: str) -> Result:
    return CliRunner().invoke(moorage, ["drain", *arguments])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_watch, "EVERY", 0.01)


def test_a_worker_is_drained_as_asked(api: type[Api]) -> None:
    api.answers.append((201, a_drain()))

    answer = run("worker", WORKER, "--deadline", "1m30s", "--rate", "2.5", "--reason", "disk", "--json")

    assert json.loads(answer.output)["id"] == "drn_1"
    method, path, _, body = api.asked[0]
    assert (method, path) == ("POST", "/api/v1/drains")
    assert body == {
        "kind": "worker",
        "worker_id": WORKER,
        "deadline_seconds": 90.0,
        "rate_per_second": 2.5,
        "reason": "disk",
        "dry_run": False,
    }


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["gateway", "gtw_1"], {"kind": "gateway", "gateway_id": "gtw_1"}),
        (["region", "eu"], {"kind": "region", "region": "eu"}),
        (["pool", "gpu", "--region", "eu"], {"kind": "pool", "region": "eu", "pool": "gpu"}),
    ],
)
def test_other_targets_are_named_as_the_api_wants_them(
    api: type[Api], arguments: list[str], what: dict[str, str]
) -> None:
    api.answers.append((200, a_drain()))

    answer = run(*arguments, "--dry-run", "--watch")

    usual = {"deadline_seconds": 300.0, "rate_per_second": 10.0, "reason": "", "dry_run": True}
    assert answer.exit_code == 0
    assert [asked[3] for asked in api.asked] == [what | usual]


@pytest.mark.parametrize(
    ("regions", "sentence"),
    [([], "no worker of pool 'gpu'"), (["eu", "us"], "pool 'gpu' is in eu, us: name one with --region")],
)
def test_a_pool_without_a_region_must_be_the_only_one(api: type[Api], regions: list[str], sentence: str) -> None:
    api.answers.append((200, {"pools": [{"region": region, "pool": "gpu"} for region in regions]}))

    answer = run("pool", "gpu")

    assert answer.exit_code == 2
    assert sentence in answer.output


def test_the_only_region_of_a_pool_is_found(api: type[Api]) -> None:
    pools = [{"region": "eu", "pool": "gpu"}, {"region": "us", "pool": "cpu"}]
    api.answers.extend([(200, {"pools": pools}), (201, a_drain())])

    run("pool", "gpu")

    assert api.asked[1][3]["region"] == "eu"


def test_watching_says_each_change_once_and_ends_with_the_drain(api: type[Api]) -> None:
    api.answers.append((201, a_drain()))
    steps = [a_drain(), a_drain(), a_drain("moving"), a_drain("moving", 2, 2), a_drain("done", 0, 4)]
    api.answers.extend((200, step) for step in steps)

    answer = run("worker", WORKER, "--watch")

    assert answer.exit_code == 0
    assert answer.output.splitlines() == [
        f"drain drn_1 of worker {WORKER}",
        f"worker {WORKER} waiting: 4 of 4 sessions left, 0 told, about 1m30s to go",
        f"worker {WORKER} moving: 4 of 4 sessions left, 0 told, about 1m30s to go",
        f"worker {WORKER} moving: 2 of 4 sessions left, 2 told, about 1m30s to go",
        f"worker {WORKER} done: 0 of 4 sessions left, 4 told",
    ]


def test_programs_get_a_document_a_change(api: type[Api]) -> None:
    api.answers.extend([(200, a_drain()), (200, a_drain("done", 0, 4))])

    answer = run("watch", "drn_1", "--json")

    assert [json.loads(said)["state"] for said in answer.output.splitlines()] == ["waiting", "done"]


def test_a_cancelled_drain_ends_the_watch_with_an_error(api: type[Api]) -> None:
    api.answers.append((200, a_drain("cancelled")))

    assert run("watch", "drn_1").exit_code == 1


def test_a_watch_that_lasts_too_long_says_that_the_drain_goes_on(api: type[Api]) -> None:
    api.answers.append((200, a_drain("moving")))

    answer = run("watch", "drn_1", "--timeout", "0")

    assert answer.exit_code == 3
    assert "the drain goes on" in answer.stderr


def test_an_api_that_restarts_is_waited_for_and_a_refusal_is_not(api: type[Api]) -> None:
    away = (503, {"code": "STORE_UNAVAILABLE", "detail": "away", "retryable": True})
    gone = (404, {"code": "NOT_FOUND", "detail": "no drain", "retryable": False})
    api.answers.extend([away, (200, a_drain("done", 0, 4)), gone])

    assert run("watch", "drn_1").exit_code == 0
    assert run("watch", "drn_1").exit_code == 1


def test_a_bar_is_drawn_on_a_terminal(api: type[Api], monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers.extend([(200, a_drain("moving", 2, 2)), (200, a_drain("done", 0, 4))])

    with CliRunner().isolation() as (out, _, _):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        with pytest.raises(SystemExit) as ended:
            moorage.main(["drain", "watch", "drn_1"], standalone_mode=False)
        drawn = out.getvalue().decode()

    assert ended.value.code == 0
    assert "━" in drawn
    assert "done: 0 of 4 sessions left, 4 told" in drawn


def test_drains_are_listed_read_and_cancelled(api: type[Api]) -> None:
    api.answers.extend([(200, {"drains": [a_drain()], "total": 1}), (200, a_drain()), (200, a_drain("cancelled"))])

    listed, status, cancelled = run("list"), run("status", "drn_1"), run("cancel", "drn_1")

    assert f"worker {WORKER}" in listed.output
    assert "waiting" in status.output
    assert "cancelled" in cancelled.output
    assert [(method, path.partition("?")[0]) for method, path, _, _ in api.asked] == [
        ("GET", "/api/v1/drains"),
        ("GET", "/api/v1/drains/drn_1"),
        ("DELETE", "/api/v1/drains/drn_1"),
    ]


def test_a_drain_that_finds_no_room_says_so() -> None:
    assert "no room elsewhere for those left" in line(a_drain("moving"), still_for=20.0)
    assert "to go" in line(a_drain("moving"), still_for=1.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5s", 0.5), ("1d", 86_400)]
)
def test_spans_of_time_are_read(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5s", "5 minutes", "1m1h", "nan"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        parse_seconds(text)


def test_spans_of_time_are_shown_in_two_parts_at_most() -> None:
    assert [shown(seconds) for seconds in (0.4, 61, 3600, 90_061)] == ["0s", "1m1s", "1h", "1d1h"]


def test_a_wrong_span_is_a_usage_error() -> None:
    answer = run("region", "eu", "--deadline", "soon")

    assert answer.exit_code == click.UsageError.exit_code
    assert "write it like 90s" in answer.output
