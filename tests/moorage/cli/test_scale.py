"""`moorage scale`: what it asks of the API, how it shows what it is told, and how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moorage.cli import scale_watch
from moorage.cli.root import moorage
from moorage.cli.scale_watch import is_reached, line
from tests.moorage.cli.test_rest import Api, api

__all__ = ["api"]

Document = dict[str, Any]


def a_request(**said: Any) -> Document:
    """As the API shows it."""
    usual = {
        "id": "scl_1",
        "action": "scale_up",
        "region": "eu",
        "pool": "gpu",
        "delta_workers": 2,
        "workers": 7,
        "floor": 7,
        "ceiling": None,
        "reason": "a concert",
        "by": "key_1",
        "created_at": "2026-01-01T00:00:00.000Z",
        "expires_at": "2026-01-01T01:00:00.000Z",
    }
    return usual | said


def a_status(**said: Any) -> Document:
    return {"serving": 5, "starting": 0, "draining": 0, "frozen": [], "is_fresh": True} | said


def an_answer(status: Document | None = None, *, dry_run: bool = False, **outlook: Any) -> Document:
    nothing = {"to_start": 0, "undrained": 0, "removable_now": 0, "to_drain": 0, "estimated_seconds": 0.0}
    return {
        "scale_request": a_request(),
        "released": [],
        "outlook": {"target_workers": 7, **nothing, **outlook},
        "pool_status": status or a_status(),
        "dry_run": dry_run,
    }


def pools(**said: Any) -> tuple[int, Document]:
    """GET /pools, with a pool of that name elsewhere."""
    other = {"region": "us", "pool": "cpu", "status": None}
    return 200, {"pools": [other, {"region": "eu", "pool": "gpu", "status": a_status(**said)}]}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(moorage, ["scale", *arguments])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_watch, "EVERY", 0.01)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["up", "gpu", "2"], {"action": "scale_up", "delta_workers": 2}),
        (["down", "gpu", "2"], {"action": "scale_down", "delta_workers": 2}),
        (["set", "gpu", "0"], {"action": "set", "workers": 0}),
        (["hold", "gpu"], {"action": "hold"}),
    ],
)
def test_a_wish_is_asked_for_in_the_pools_only_region(api: type[Api], arguments: list[str], body: Document) -> None:
    api.answers += [pools(), (201, an_answer())]

    answer = run(*arguments, "--ttl", "30m", "--reason", "a concert", "--json")

    assert json.loads(answer.output)["scale_request"]["id"] == "scl_1"
    place = {"region": "eu", "pool": "gpu"}
    usual = {"reason": "a concert", "ttl_seconds": 1800.0, "dry_run": False}
    method, path, _, asked = api.asked[1]
    assert (method, path, asked) == ("POST", "/api/v1/workers/scale", body | place | usual)


@pytest.mark.parametrize(
    ("outlook", "status", "words"),
    [
        ({"to_start": 2, "estimated_seconds": 30.0}, {}, "2 to start; about 30s"),
        ({"to_start": 2, "estimated_seconds": None}, {"frozen": ["rival: an HPA"]}, "2 to start; frozen: rival"),
        ({"to_start": 3, "undrained": 1}, {}, "3 to start (1 of them drain now and serve again)"),
        ({"removable_now": 1, "to_drain": 2, "estimated_seconds": None}, {}, "2 go when their sessions have ended"),
        ({"removable_now": 1, "estimated_seconds": None}, {"frozen": ["rollout: v2"]}, "go at once; frozen: rollout"),
        ({}, {}, "nothing to do now"),
    ],
)
def test_people_read_what_will_follow(api: type[Api], outlook: Document, status: Document, words: str) -> None:
    api.answers.append((201, an_answer(a_status(**status), **outlook)))

    answer = run("up", "gpu", "2", "--region", "eu")

    assert answer.exit_code == 0
    assert words in answer.output
    assert "scl_1" in answer.output


def test_a_dry_run_shows_no_id(api: type[Api]) -> None:
    api.answers.append((200, an_answer(dry_run=True)))

    answer = run("up", "gpu", "2", "--region", "eu", "--dry-run", "--watch")

    assert answer.exit_code == 0
    assert "scl_1" not in answer.output
    assert api.asked[0][3]["dry_run"] is True


@pytest.mark.parametrize("arguments", [["up", "gpu", "0"], ["down", "gpu", "-1"], ["up", "gpu", "x"], ["set", "gpu"]])
def test_wrong_numbers_are_refused_before_anybody_is_asked(api: type[Api], arguments: list[str]) -> None:
    answer = run(*arguments)

    assert answer.exit_code == 2
    assert api.asked == []


def test_a_pool_that_is_nowhere_or_twice_is_said_to_be(api: type[Api]) -> None:
    twice = {"pools": [{"region": "eu", "pool": "gpu"}, {"region": "us", "pool": "gpu"}]}
    api.answers += [(200, {"pools": []}), (200, twice)]

    nowhere, both = run("hold", "gpu"), run("hold", "gpu")

    assert "no pool 'gpu'" in nowhere.output
    assert "eu, us: name one with --region" in both.output


def test_a_refusal_is_one_sentence(api: type[Api]) -> None:
    api.answers.append((409, {"code": "CONFLICT", "detail": "nobody scales pool 'gpu'", "request_id": "req_1"}))

    answer = run("up", "gpu", "2", "--region", "eu")

    assert answer.exit_code == 1
    assert answer.output.startswith("Error: CONFLICT: nobody scales pool 'gpu' (request req_1)")


def test_watching_shows_each_change_and_ends_when_so_many_serve(api: type[Api]) -> None:
    alive = (200, a_request())
    settling = pools(starting=2, frozen=["settling: 2 of 120 s"])
    api.answers += [(201, an_answer(to_start=2)), pools(), alive, settling, alive]
    api.answers += [pools(starting=2, frozen=["settling: 3 of 120 s"]), alive, pools(serving=7)]

    answer = run("up", "gpu", "2", "--region", "eu", "--watch")

    assert answer.exit_code == 0
    assert answer.output.splitlines()[1:] == [
        "eu/gpu: 5 of 7 serving, 0 starting, 0 draining",
        "eu/gpu: 5 of 7 serving, 2 starting, 0 draining; frozen: settling",
        "eu/gpu: 7 of 7 serving, 0 starting, 0 draining",
    ]


def test_watching_ends_with_the_wish(api: type[Api]) -> None:
    gone = (404, {"code": "NOT_FOUND", "detail": "no scale request 'scl_1' in force"})
    api.answers += [(201, an_answer()), pools(), gone]

    answer = run("up", "gpu", "2", "--region", "eu", "--watch")

    assert answer.exit_code == 1
    assert "no longer in force" in answer.output


def test_watching_ends_in_time_and_the_wish_stays(api: type[Api]) -> None:
    api.answers += [(201, an_answer()), pools(is_fresh=False), (200, a_request())]

    answer = run("up", "gpu", "2", "--region", "eu", "--watch", "--timeout", "0")

    assert answer.exit_code == 3
    assert "its autoscaler is silent" in answer.output
    assert "moorage scale release scl_1" in answer.output


@pytest.mark.parametrize(
    ("request_", "status", "expected"),
    [
        (a_request(), a_status(serving=7), True),
        (a_request(), a_status(serving=6, starting=1), False),
        (a_request(floor=None, ceiling=5), a_status(), True),
        (a_request(floor=None, ceiling=5), a_status(draining=1), False),
        (a_request(floor=5, ceiling=5, workers=5), a_status(), True),
        (a_request(floor=5, ceiling=5, workers=5), a_status(starting=1), False),
    ],
)
def test_it_is_reached_when_enough_serve_and_none_are_too_many(
    request_: Document, status: Document, expected: bool
) -> None:
    assert is_reached(request_, status) is expected


def test_a_pool_without_a_status_is_silent() -> None:
    assert line(a_request(), None) == "eu/gpu: its autoscaler is silent"


def test_one_wish_is_released_by_its_id_and_all_of_a_pool_by_its_name(api: type[Api]) -> None:
    api.answers += [(200, a_request()), pools(), (200, {"released": [a_request(), a_request(id="scl_2")]})]

    one, all_ = run("release", "scl_1"), run("release", "gpu", "--json")

    assert "scl_1" in one.output
    assert [found["id"] for found in json.loads(all_.output)] == ["scl_1", "scl_2"]
    assert api.asked[0][:2] == ("DELETE", "/api/v1/scale-requests/scl_1")
    assert api.asked[2][3] == {"action": "release", "region": "eu", "pool": "gpu", "dry_run": False}


def test_a_dry_release_of_one_only_looks(api: type[Api]) -> None:
    api.answers.append((200, a_request()))

    run("release", "scl_1", "--dry-run")

    assert api.asked[0][0] == "GET"


def test_wishes_are_listed(api: type[Api]) -> None:
    api.answers += [(200, {"scale_requests": [a_request()]}), (200, {"scale_requests": []})]

    some, none = run("list", "--pool", "gpu"), run("list")

    assert "scale_up" in some.output
    assert "no wishes are in force" in none.output
    assert api.asked[0][1] == "/api/v1/scale-requests?pool=gpu&limit=1000"
