"""The key document: every set comes back as it went, private halves stay home, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from moorage.keydocument import MAX_DOCUMENT_BYTES, key_document, read_key_document
from moorage.keys import KeySet, KeyState, ed25519_key, hs256_key
from moorage.tokens import mint, verify
from tests.builders import NOW, a_token
from tests.moorage.test_keys import private_pem

SECRET = b"s" * 32
CURVED = ed25519_key("ed", private_pem(Ed25519PrivateKey.generate()))
SHARED = hs256_key("shared", SECRET, KeyState.RETIRING)


def test_what_a_set_signed_is_verified_by_the_set_that_was_read() -> None:
    keys = KeySet([CURVED, SHARED, hs256_key("soon", b"n" * 32, KeyState.NEXT)])

    read = read_key_document(key_document(keys))

    assert [(key.kid, key.algorithm, key.state) for key in keys] == [
        (key.kid, key.algorithm, key.state) for key in read
    ]
    assert verify(mint(a_token(), keys), read, NOW) == a_token()
    assert verify(mint(a_token(), KeySet([hs256_key("shared", SECRET)])), read, NOW) == a_token()


def test_private_halves_never_travel() -> None:
    document = key_document(KeySet([CURVED]))

    [entry] = json.loads(document)["keys"]

    assert set(entry) == {"kid", "alg", "state", "x"}
    with pytest.raises(LookupError):
        mint(a_token(), read_key_document(document))


def an_entry(**said: Any) -> dict[str, Any]:
    entry = {"kid": "a", "alg": "HS256", "state": "active", "k": "c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M"} | said
    return {name: value for name, value in entry.items() if value is not None}


def a_document(*entries: dict[str, Any], **said: Any) -> bytes:
    return json.dumps({"version": 1, "keys": list(entries)} | said).encode()


def test_an_entry_by_hand_is_read() -> None:
    assert read_key_document(a_document(an_entry())).active.secret == SECRET


X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"nonsense",
        b"[]",
        b"\xff\xfe",
        b"[" * 5000,
        a_document(),
        a_document(an_entry(), version=2),
        a_document(an_entry(), more=1),
        a_document(an_entry(more=1)),
        a_document(an_entry(kid="")),
        a_document(an_entry(kid="a b")),
        a_document(an_entry(kid=7)),
        a_document(an_entry(), an_entry()),
        a_document(an_entry(), an_entry(kid="b")),
        a_document(an_entry(alg="none")),
        a_document(an_entry(state="gone")),
        a_document(an_entry(k=None)),
        a_document(an_entry(k="c2hvcnQ")),
        a_document(an_entry(k="not base64!")),
        a_document(an_entry(k=an_entry()["k"] + "=")),
        a_document(an_entry(x=X)),
        a_document(an_entry(alg="Ed25519")),
        a_document(an_entry(alg="Ed25519", k=None, x="c2hvcnQ")),
        a_document(an_entry(alg="Ed25519", x=X)),
        a_document(*(an_entry(kid=f"k{number}", state="next") for number in range(65))),
        b" " * MAX_DOCUMENT_BYTES + a_document(an_entry()),
    ],
)
def test_what_is_not_exactly_a_key_document_is_refused_without_telling_a_secret(document: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_key_document(document)

    assert an_entry()["k"] not in str(refused.value)


@given(st.binary(max_size=200))
def test_garbage_is_a_value_error(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_key_document(document)
