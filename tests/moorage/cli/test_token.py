"""`moorage token inspect`."""

from __future__ import annotations

import json
import time

from click.testing import CliRunner

from moorage import ids
from moorage.cli.root import moorage
from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from moorage.keys import KeySet, hs256_key
from moorage.tokens import SessionToken, mint


def test_a_token_is_shown_with_readable_times() -> None:
    token = a_token(expires_in=100)

    answer = CliRunner().invoke(moorage, ["token", "inspect", token])

    assert answer.exit_code == 0
    assert "kid" in answer.output
    assert "+00:00" in answer.output
    assert "for another" in answer.output


def test_an_expired_token_says_so() -> None:
    answer = CliRunner().invoke(moorage, ["token", "inspect", a_token(expires_in=-100)])

    assert "no more: expired 10" in answer.output


def test_json_gives_header_and_claims_and_says_that_nothing_was_verified() -> None:
    answer = CliRunner().invoke(moorage, ["token", "inspect", "--json", "-"], input=a_token(expires_in=100))

    said = json.loads(answer.output)
    assert said["header"]["alg"] == "HS256"
    assert said["claims"]["aud"] == "moorage"
    assert said["is_verified"] is False


def test_anything_else_is_an_error() -> None:
    answer = CliRunner().invoke(moorage, ["token", "inspect", "abc"])

    assert answer.exit_code == 1
    assert "this is no JWT" in answer.output


def a_token(expires_in: float) -> str:
    now = time.time()
    token = SessionToken(
        session=SessionId(ids.make("ses", now, bytes)),
        user=UserId(ids.make("usr", now, bytes)),
        workspace=WorkspaceId(ids.make("wsp", now, bytes)),
        key=KeyId(ids.make("key", now, bytes)),
        issued_at=now - 200,
        not_before=now - 200,
        expires_at=now + expires_in,
        session_expires_at=now + 1000,
        jti="once",
    )
    return mint(token, KeySet([hs256_key("one", b"s" * 32)]))
