"""Session tokens: what a good one says, and every kind of bad one."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws
from joserfc.jwk import OctKey

from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from moorage.keys import KeySet, KeyState, ed25519_key, hs256_key
from moorage.tokens import (
    LEEWAY,
    MAX_CONTEXT_BYTES,
    MAX_TOKEN_BYTES,
    InvalidToken,
    SessionToken,
    TokenLimits,
    inspect,
    mint,
    verify,
)

NOW = 1_700_000_000.0
SECRET = b"s" * 32
PRIVATE = Ed25519PrivateKey.generate()
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SHARED = KeySet([hs256_key("shared", SECRET)])
PAIR = KeySet([ed25519_key("pair", PEM)])
BOTH = KeySet([hs256_key("shared", SECRET, KeyState.RETIRING), ed25519_key("pair", PEM)])

TOKEN = SessionToken(
    session=SessionId("ses_" + "0" * 26),
    user=UserId("usr_" + "0" * 26),
    workspace=WorkspaceId("wsp_" + "0" * 26),
    key=KeyId("key_" + "0" * 26),
    issued_at=NOW,
    not_before=NOW,
    expires_at=NOW + 300,
    session_expires_at=NOW + 3600,
    jti="one",
    pools=("gpu",),
    regions=("eu", "us"),
    labels=(("tier", "gold"),),
    limits=TokenLimits(messages_per_second=2.5, message_bytes=1024, sessions_per_user=3),
    context={"metadata": {"room": "ü"}},
)


def part(said: object) -> str:
    return urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def claims(**changed: Any) -> dict[str, Any]:
    said = inspect(mint(TOKEN, SHARED))[1]
    return {name: value for name, value in {**said, **changed}.items() if value is not ...}


def signed(payload: object, header: dict[str, Any] | None = None) -> str:
    text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
    return jws.serialize_compact(header or {"alg": "HS256", "kid": "shared"}, text, OctKey.import_key(SECRET))


def refused(text: str, keys: KeySet = SHARED, now: float = NOW) -> str:
    with pytest.raises(InvalidToken) as caught:
        verify(text, keys, now)
    assert len(text) < 3 or text[:20] not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("keys", [SHARED, PAIR], ids=["HS256", "Ed25519"])
def test_what_was_minted_is_read_again(keys: KeySet) -> None:
    assert verify(mint(TOKEN, keys), keys, NOW) == TOKEN


def test_a_token_without_extras_is_read_with_defaults() -> None:
    bare = SessionToken(TOKEN.session, TOKEN.user, TOKEN.workspace, TOKEN.key, NOW, NOW, NOW + 1, NOW + 2, "")

    assert verify(mint(bare, SHARED), SHARED, NOW) == bare


def test_a_retiring_key_still_verifies_and_the_active_one_signs() -> None:
    old = mint(TOKEN, SHARED)

    assert verify(old, BOTH, NOW) == TOKEN
    assert inspect(mint(TOKEN, BOTH))[0]["kid"] == "pair"


def test_a_public_half_verifies_but_does_not_sign() -> None:
    public = KeySet([ed25519_key("pair", PUBLIC_PEM)])

    assert verify(mint(TOKEN, PAIR), public, NOW) == TOKEN
    with pytest.raises(LookupError, match="no private half"):
        mint(TOKEN, public)


def test_minting_needs_an_active_key() -> None:
    with pytest.raises(LookupError, match="no active signing key"):
        mint(TOKEN, KeySet([]))


def test_a_context_over_four_kib_is_not_minted() -> None:
    fits = TOKEN._replace(context={"a": "x" * (MAX_CONTEXT_BYTES - 8)})

    assert len(mint(fits, PAIR)) <= MAX_TOKEN_BYTES
    with pytest.raises(ValueError, match="more than 4096 bytes"):
        mint(TOKEN._replace(context={"a": "x" * (MAX_CONTEXT_BYTES - 7)}), SHARED)


def test_an_expired_token_says_for_how_long() -> None:
    assert refused(mint(TOKEN, SHARED), now=TOKEN.expires_at + LEEWAY + 1) == "the token expired 6 s ago"


def test_a_token_from_the_future_says_when() -> None:
    assert refused(mint(TOKEN, SHARED), now=NOW - LEEWAY - 1) == "the token is valid in 6 s"


def test_clocks_may_differ_a_little() -> None:
    for now in (NOW - LEEWAY, TOKEN.expires_at + LEEWAY):
        assert verify(mint(TOKEN, SHARED), SHARED, now) == TOKEN


@pytest.mark.parametrize("audience", ["other", "", None, ["moorage"], ...])
def test_another_audience_is_refused(audience: object) -> None:
    refused(signed(claims(aud=audience)))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_refused(alg: str) -> None:
    refused(f"{part({'alg': alg, 'kid': 'shared'})}.{part(claims())}.")


def test_a_public_key_used_as_a_shared_secret_is_refused() -> None:
    head = f"{part({'alg': 'HS256', 'kid': 'pair'})}.{part(claims())}"
    mac = hmac.digest(PUBLIC_PEM, head.encode(), "sha256")
    confused = f"{head}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert refused(confused, PAIR) == "the token's algorithm is not its key's"


@pytest.mark.parametrize("alg", ["Ed25519", "EdDSA", "HS384", "ES256", ["HS256"], {}, 7, None])
def test_a_token_cannot_choose_another_algorithm_for_a_key(alg: object) -> None:
    _, payload, mac = mint(TOKEN, SHARED).split(".")

    refused(f"{part({'alg': alg, 'kid': 'shared'})}.{payload}.{mac}")


def test_the_older_name_of_ed25519_is_accepted_for_such_a_key() -> None:
    head = f"{part({'alg': 'EdDSA', 'kid': 'pair'})}.{part(claims())}"
    signature = urlsafe_b64encode(PRIVATE.sign(head.encode())).rstrip(b"=").decode()

    assert verify(f"{head}.{signature}", PAIR, NOW).session == TOKEN.session


@pytest.mark.parametrize("kid", ["other", "", None, 7, ["shared"]])
def test_an_unknown_key_is_refused(kid: object) -> None:
    _, payload, mac = mint(TOKEN, SHARED).split(".")

    assert refused(f"{part({'alg': 'HS256', 'kid': kid})}.{payload}.{mac}")


def test_a_token_of_another_secret_is_refused() -> None:
    other = KeySet([hs256_key("shared", b"o" * 32)])

    assert refused(mint(TOKEN, other)) == "the token's signature does not match"


def test_a_wrong_signature_under_a_header_that_was_never_read_is_refused_too() -> None:
    fresh = KeySet([hs256_key("shared", b"o" * 32)])

    assert refused(mint(TOKEN, SHARED), fresh) == "the token's signature does not match"


def test_a_signed_body_that_is_no_base64_is_refused_however_often_it_comes() -> None:
    keys = KeySet([hs256_key("shared", SECRET)])
    verify(mint(TOKEN, keys), keys, NOW)
    head = f"{mint(TOKEN, keys).partition('.')[0]}.a"
    mac = urlsafe_b64encode(hmac.digest(SECRET, head.encode(), "sha256")).rstrip(b"=").decode()

    assert refused(f"{head}.{mac}", keys) == "the token is malformed"


def test_a_truncated_token_is_refused_wherever_it_was_cut() -> None:
    whole = mint(TOKEN, SHARED)

    for length in range(0, len(whole), 7):
        refused(whole[:length])


def test_a_token_of_100_kb_is_refused_by_its_length_alone() -> None:
    assert refused("a." * 50_000) == f"the token is over {MAX_TOKEN_BYTES} bytes"


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b.c", "ü.ü.ü", "\ud800.a.b", "a.b.c.d.e", " ", "\x00.\x00.\x00"]
)
def test_what_is_no_jwt_is_refused(text: str) -> None:
    refused(text)


@pytest.mark.parametrize("name", ["iat", "nbf", "exp", "sxp"])
@pytest.mark.parametrize("said", [float("nan"), float("inf"), float("-inf"), "soon", None, [], True, 10**400])
def test_a_time_is_a_finite_number(name: str, said: object) -> None:
    assert "a claim is missing or wrong" in refused(signed(claims(**{name: said})))


@pytest.mark.parametrize("name", ["sub", "sid", "wsp", "akid", "iat", "exp"])
def test_a_missing_claim_is_named(name: str) -> None:
    assert name in refused(signed(claims(**{name: ...})))


@pytest.mark.parametrize("name", ["sub", "sid", "wsp", "akid"])
@pytest.mark.parametrize("said", ["", 7, None, "ses_x", ["ses_"], "x" * 5000])
def test_an_id_of_another_form_is_refused(name: str, said: object) -> None:
    refused(signed(claims(**{name: said})))


@pytest.mark.parametrize(
    "changed",
    [
        {"pools": "gpu"},
        {"regions": {"eu": 1}},
        {"labels": ["a"]},
        {"lim": 3},
        {"lim": {"message_bytes": "many"}},
        {"lim": {"message_bytes": -1}},
        {"lim": {"session_bytes": 1 << 63}},
        {"lim": {"messages_per_second": float("nan")}},
        {"ctx": 7},
    ],
)
def test_wrong_extras_are_refused(changed: dict[str, Any]) -> None:
    refused(signed(claims(**changed)))


def test_a_limit_of_a_newer_version_is_skipped() -> None:
    token = verify(signed(claims(lim={"message_bytes": 5, "teleports": 1})), SHARED, NOW)

    assert token.limits == TokenLimits(message_bytes=5)


@pytest.mark.parametrize("payload", ["[]", "null", "7", '"x"', "{", b"\xff\xfe", "[" * 5000])
def test_a_payload_that_is_no_object_is_refused(payload: str | bytes) -> None:
    refused(signed(payload))


def test_times_default_to_one_another() -> None:
    token = verify(signed(claims(nbf=..., sxp=...)), SHARED, NOW)

    assert token.not_before == token.issued_at
    assert token.session_expires_at == token.expires_at


def test_inspecting_needs_no_key_and_believes_nothing() -> None:
    header, said = inspect(mint(TOKEN, SHARED)[:-3] + "abc")

    assert header == {"alg": "HS256", "typ": "JWT", "kid": "shared"}
    assert said["sid"] == TOKEN.session


@pytest.mark.parametrize("text", ["", "a.b.c", "eyJ9", f"{part([])}.{part([1])}.x", f"{part({})}.{'W' * 40_000}.x"])
def test_inspecting_what_is_no_jwt_says_what_one_is(text: str) -> None:
    with pytest.raises(InvalidToken, match="this is no JWT"):
        inspect(text)
