"""`moorage autoscaler explain`: decision records as sentences, and what is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoscaler.decision import Candidate, Decision, Frozen, Limit
from autoscaler.observation import Freeze, Health, Observation, Sample, TargetSeen
from autoscaler.records import Carried, record_of
from moorage.cli.explaining import lines
from moorage.cli.root import moorage
from moorage.ids import WorkerId
from tests.moorage.cli.test_rest import Api, api

__all__ = ["api"]

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
Document = dict[str, Any]


def a_document() -> Document:
    """As an autoscaler writes it."""
    seen = Observation(
        "eu", "gpu", (), 3, TargetSeen(4), {"gpu load": Sample(Health.STALE, 0.75, NOW - 90, "the sample is 90 s old")}
    )
    decision = Decision(
        "eu",
        "gpu",
        NOW,
        desired=6,
        replicas=6,
        winner="trend",
        reason="more sessions come",
        candidates=(Candidate("registry", 5, "30 sessions"), Candidate("trend", 8, "12 more")),
        limits=(Limit("maximum", 6, "of the policy"),),
        frozen=(Frozen(Freeze.SIGNAL, "gpu load is stale"),),
        sessions=30,
        serving=4,
        starting=1,
        draining=0,
        free_slots=2,
        lead_seconds=45.0,
    )
    carried = Carried(6, cordoned=(WorkerId("wrk_1"),), troubles=("a worker would not be cordoned",))
    document: Document = json.loads(record_of(seen, decision, carried).document)
    return document


def a_record(at: str = "2026-01-01T00:00:00.000Z", *, is_change: bool = False, **said: Any) -> Document:
    return {"region": "eu", "pool": "gpu", "at": at, "is_change": is_change, "document": {"desired": 5} | said}


def page(*records: Document, cursor: str | None = None) -> tuple[int, Document]:
    return 200, {"decisions": list(records), "next_cursor": cursor}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(moorage, ["autoscaler", "explain", *arguments])


def test_a_record_reads_as_an_autoscaler_wrote_it() -> None:
    record = a_record() | {"document": a_document()}

    assert lines(record) == [
        "2026-01-01T00:00:00.000Z  eu/gpu: 6 wanted, 4 serve, 1 start, 0 drain",
        "  why        more sessions come",
        "  seen       30 sessions, 2 slots free, 3 wait, 4 replicas, a worker takes 45s to start",
        "  signals    gpu load is 0.75 (stale, 1m30s old: the sample is 90 s old)",
        "  candidates   registry     5  30 sessions",
        "             * trend        8  12 more",
        "  limits     maximum: 6, of the policy",
        "  frozen     signal: gpu load is stale",
        "  done       replicas set to 6, 1 cordoned",
        "  trouble    a worker would not be cordoned",
    ]


@pytest.mark.parametrize(
    "document",
    [{}, {"inputs": None, "done": [], "candidates": [1], "limits": None}, {"inputs": {"replicas": None}}],
)
def test_what_another_version_left_out_is_left_out(document: Document) -> None:
    assert lines(a_record() | {"document": document})[0].endswith("? wanted")


def test_a_record_that_cannot_be_read_is_said_to_be() -> None:
    assert lines(a_record() | {"document": None}) == [
        "2026-01-01T00:00:00.000Z  eu/gpu: a record that this version cannot read"
    ]


def test_the_newest_is_shown_last(api: type[Api]) -> None:
    api.answers.append(page(a_record(reason="second"), a_record(reason="first")))

    answer = run("gpu", "--region", "eu", "--limit", "2")

    assert answer.output.index("first") < answer.output.index("second")
    assert api.asked[0][1] == "/api/v1/pools/gpu/decisions?region=eu&limit=2"


def test_pages_are_read_until_there_are_enough_changes(api: type[Api]) -> None:
    api.answers += [page(a_record(), a_record(n=1, is_change=True), cursor="c"), page(a_record(n=2, is_change=True))]

    answer = run("gpu", "--changes", "--limit", "3", "--json")

    assert [record["document"]["n"] for record in json.loads(answer.output)] == [2, 1]
    assert api.asked[1][1].endswith("cursor=c")


def test_those_before_since_are_left_out(api: type[Api]) -> None:
    recent = datetime.now(UTC) - timedelta(minutes=5)
    at = recent.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    api.answers.append(page(a_record(at), a_record("2020-01-01T00:00:00.000Z"), cursor="more"))

    answer = run("gpu", "--since", "1h", "--limit", "9", "--json")

    assert [record["at"] for record in json.loads(answer.output)] == [at]
    assert len(api.asked) == 1


def test_nothing_kept_is_said(api: type[Api]) -> None:
    api.answers.append(page())

    assert "no decisions are kept for pool 'gpu'" in run("gpu").output


def test_watching_goes_on_with_what_is_new(api: type[Api], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = a_record(n=1), a_record("2026-01-01T00:01:00.000Z", n=2)
    api.answers += [page(old), page(new, old), page(new, old)]
    pauses = iter([None, None, KeyboardInterrupt])

    def pause(_: float) -> None:
        if (end := next(pauses)) is not None:
            raise end

    monkeypatch.setattr("moorage.cli.autoscaler_explain.time.sleep", pause)

    answer = run("gpu", "--watch", "--json")

    assert [json.loads(line)["document"]["n"] for line in answer.output.splitlines()] == [1, 2]
    assert answer.exit_code == 0
