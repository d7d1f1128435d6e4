"""The claims of a session token: what is written is read again, and a wrong claim is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from moorage.tokenclaims import (
    AUDIENCE,
    MAX_CONTEXT_BYTES,
    NO_LIMITS,
    SessionToken,
    TokenLimits,
    decode_claims,
    encode_claims,
    encode_context,
)

NOW = 1_700_000_000.0
BARE = SessionToken(
    SessionId("ses_" + "0" * 26),
    UserId("usr_" + "0" * 26),
    WorkspaceId("wsp_" + "0" * 26),
    KeyId("key_" + "0" * 26),
    NOW,
    NOW,
    NOW + 60,
    NOW + 60,
    "",
)
FULL = BARE._replace(
    jti="one",
    session_expires_at=NOW + 3600,
    pools=("gpu",),
    regions=("eu", "us"),
    labels=(("a", "1"), ("b", "2")),
    limits=TokenLimits(session_bytes=1 << 40),
    context={"metadata": {"room": "ü"}},
)


def said(**changed: Any) -> bytes:
    claims = {**json.loads(encode_claims(BARE)), **changed}
    return json.dumps({name: value for name, value in claims.items() if value is not ...}).encode()


@pytest.mark.parametrize("token", [BARE, FULL], ids=["bare", "full"])
def test_what_is_written_is_read_again(token: SessionToken) -> None:
    assert decode_claims(encode_claims(token)) == (AUDIENCE, token)


def test_what_is_not_said_takes_no_room() -> None:
    assert set(json.loads(encode_claims(BARE))) == {"aud", "sub", "sid", "wsp", "akid", "iat", "exp", "nbf", "sxp"}


def test_times_that_are_missing_follow_from_the_others() -> None:
    _, token = decode_claims(said(nbf=..., sxp=...))

    assert (token.not_before, token.session_expires_at, token.limits) == (NOW, NOW + 60, NO_LIMITS)


def test_claims_and_limits_of_a_newer_version_are_skipped() -> None:
    assert decode_claims(said(teleports=1, lim={"teleports": 1}))[1] == BARE


@pytest.mark.parametrize(
    ("name", "value"), [("sid", "usr_" + "0" * 26), ("sub", ...), ("exp", "soon"), ("lim", {"session_bytes": 1 << 63})]
)
def test_a_wrong_claim_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        decode_claims(said(**{name: value}))


def test_a_context_fits_to_the_byte() -> None:
    around = len(encode_context({"a": ""}))

    encode_claims(BARE._replace(context={"a": "x" * (MAX_CONTEXT_BYTES - around)}))
    with pytest.raises(ValueError, match="more than 4096 bytes"):
        encode_claims(BARE._replace(context={"a": "x" * (MAX_CONTEXT_BYTES - around + 1)}))


def test_a_context_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="must be JSON"):
        encode_context({"a": object()})
