"""`moorage revoke` and `moorage keys`: what they ask of the API, and how they show its answer."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from moorage.cli.root import moorage
from tests.moorage.cli.test_rest import Api, api

__all__ = ["api"]

REVOKED = {"id": "rev_1", "kind": "user", "target_id": "usr_1", "reason": "STOLEN", "status": "pending"}
KEY = {"id": "key_1", "name": "backend", "hint": "ak_abc…wxyz", "scopes": ["sessions:write"]}


def run(*words: str) -> str:
    answer = CliRunner().invoke(moorage, list(words))
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.parametrize("kind", ["session", "user", "key", "workspace"])
def test_each_kind_is_asked_for(api: type[Api], kind: str) -> None:
    api.answers.append((201, {**REVOKED, "kind": kind}))

    said = run("revoke", kind, "x_1", "--reason", "STOLEN", "--json")

    assert json.loads(said)["kind"] == kind
    assert api.asked == [
        ("POST", "/api/v1/revocations", "Bearer ak_test", {"kind": kind, "id": "x_1", "reason": "STOLEN"})
    ]


def test_one_that_waits_for_the_store_is_shown_as_pending(api: type[Api]) -> None:
    api.answers.append((202, REVOKED))

    said = run("revoke", "user", "usr_1")

    assert "pending" in said
    assert api.asked[0][3] == {"kind": "user", "id": "usr_1"}


def test_revocations_are_listed_with_the_way_to_the_next_page(api: type[Api]) -> None:
    api.answers.append((200, {"revocations": [REVOKED], "next_cursor": "abc"}))

    said = run("revoke", "list", "--limit", "1")

    assert "usr_1" in said
    assert said.splitlines()[-1] == "more: --cursor abc"
    assert api.asked[0][1] == "/api/v1/revocations?limit=1"


def test_a_key_is_created_as_asked_and_shown(api: type[Api]) -> None:
    api.answers.append((201, {**KEY, "api_key": "ak_secret"}))

    said = run("keys", "create", "backend", "--scope", "sessions:write", "--scope", "sessions:read", "--ttl", "1m")

    assert "ak_secret" in said
    assert api.asked[0][1:] == (
        "/api/v1/keys",
        "Bearer ak_test",
        {"name": "backend", "scopes": ["sessions:write", "sessions:read"], "ttl": 60.0},
    )


def test_keys_are_listed_and_revoked(api: type[Api]) -> None:
    api.answers.extend([(200, {"keys": [KEY], "next_cursor": None}), (200, {**REVOKED, "kind": "key"})])

    listed = run("keys", "list", "--json")
    run("keys", "revoke", "key_1")

    assert json.loads(listed)["keys"] == [KEY]
    assert api.asked[1][:2] == ("DELETE", "/api/v1/keys/key_1")
