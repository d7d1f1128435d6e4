"""Key sets: one active key, unique names, and only public halves in public."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from moorage.keys import Algorithm, KeySet, KeyState, ed25519_key, hs256_key

SECRET = b"s" * 32


def private_pem(key: Ed25519PrivateKey | X25519PrivateKey | Ed448PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_active_key_signs_whatever_else_is_in_the_set() -> None:
    keys = KeySet(
        [
            hs256_key("old", SECRET, KeyState.RETIRING),
            hs256_key("now", SECRET),
            hs256_key("soon", SECRET, KeyState.NEXT),
        ]
    )

    assert keys.active.kid == "now"
    assert [key.kid for key in keys] == ["old", "now", "soon"]


def test_a_key_is_found_by_the_name_a_token_gives() -> None:
    keys = KeySet([hs256_key("a", SECRET)])

    found = keys.find("a")

    assert found is not None
    assert found.algorithm is Algorithm.HS256
    assert keys.find("b") is None


def test_a_header_that_was_read_is_remembered_with_its_key_up_to_a_bound() -> None:
    keys = KeySet([hs256_key("a", SECRET)])
    for number in range(10_000):
        keys.remember(f"header {number}", keys.active)

    assert keys.recall("header 0") is keys.active
    assert keys.recall("header 9999") is None


def test_only_a_shared_secret_has_a_secret() -> None:
    pair = ed25519_key("pair", private_pem(Ed25519PrivateKey.generate()))

    assert (hs256_key("a", SECRET).secret, pair.secret) == (SECRET, b"")


def test_a_set_without_an_active_key_says_what_to_do() -> None:
    with pytest.raises(LookupError, match="no active signing key"):
        _ = KeySet([hs256_key("a", SECRET, KeyState.NEXT)]).active


def test_two_active_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="at most one active"):
        KeySet([hs256_key("a", SECRET), hs256_key("b", SECRET)])


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same kid"):
        KeySet([hs256_key("a", SECRET), hs256_key("a", SECRET, KeyState.RETIRING)])


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes, this one has 31"):
        hs256_key("a", b"s" * 31)


def test_only_public_halves_are_published() -> None:
    private = Ed25519PrivateKey.generate()
    keys = KeySet([hs256_key("shared", SECRET), ed25519_key("pair", private_pem(private), KeyState.NEXT)])

    document = keys.jwks()

    (published,) = document["keys"]
    assert {name: published[name] for name in ("kid", "alg", "use", "kty", "crv")} == {
        "kid": "pair",
        "alg": "Ed25519",
        "use": "sig",
        "kty": "OKP",
        "crv": "Ed25519",
    }
    assert "d" not in published
    assert json.dumps(document)


def test_a_public_key_may_be_imported_too() -> None:
    pem = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert ed25519_key("a", pem).algorithm is Algorithm.ED25519


@pytest.mark.parametrize("pem", [private_pem(X25519PrivateKey.generate()), private_pem(Ed448PrivateKey.generate())])
def test_other_curves_of_the_same_key_type_are_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="not Ed25519"):
        ed25519_key("a", pem)


@pytest.mark.parametrize("pem", [b"", b"no key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_a_value_error(pem: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"deserialize|load|PEM"):
        ed25519_key("a", pem)


def test_a_key_of_another_type_is_a_value_error() -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="holds no Ed25519 key"):
        ed25519_key("a", pem)


def test_a_key_never_shows_its_material() -> None:
    key = hs256_key("a", SECRET)

    assert repr(key) == "SigningKey('a', HS256, active)"
    assert "sss" not in repr(key)


@pytest.mark.parametrize(
    ("algorithm", "accepted"), [(Algorithm.HS256, ("HS256",)), (Algorithm.ED25519, ("Ed25519", "EdDSA"))]
)
def test_a_key_accepts_its_own_algorithm_only(algorithm: Algorithm, accepted: tuple[str, ...]) -> None:
    assert algorithm.accepted == accepted
