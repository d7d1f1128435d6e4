"""A key set as the document that travels through the store: what verifies session tokens, and where each key is in its life.

    {"version": 1, "keys": [{"kid": "2026-11", "alg": "Ed25519", "state": "active", "x": "<base64url of the public half>"}]}

A shared secret (HS256) has no public half: its entry holds the secret itself in "k", so whoever reads the store can sign.
The embedded default accepts that, since its store is as private as its data folder; programs that share a database sign
with Ed25519, whose private halves never come here. Pure.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from moorage.keys import Algorithm, KeySet, KeyState, SigningKey, hs256_key

VERSION = 1
MAX_DOCUMENT_BYTES = 64 << 10
MAX_KEYS = 64
_ED25519_BYTES = 32

_Kid = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
_Encoded = Annotated[str, msgspec.Meta(max_length=1024)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    kid: _Kid
    alg: Algorithm
    state: KeyState
    x: _Encoded | None = None  # Ed25519: the public half
    k: _Encoded | None = None  # HS256: the secret


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    keys: Annotated[list[_Entry], msgspec.Meta(min_length=1, max_length=MAX_KEYS)]


_decode = msgspec.json.Decoder(_Document).decode
_encode = msgspec.json.Encoder().encode


def key_document(keys: KeySet) -> bytes:
    """The set's verifying halves. The same set gives the same bytes."""
    return _encode(_Document(VERSION, [_entry(key) for key in keys]))


def read_key_document(document: bytes) -> KeySet:
    """The set again. Raises ValueError saying what is wrong, without any key in it."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"the key document has {len(document)} bytes, at most {MAX_DOCUMENT_BYTES} are read")
    try:
        said = _decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the key document is malformed: {error}") from error
    if said.version != VERSION:
        raise ValueError(f"the key document has version {said.version}, this program reads {VERSION}")
    return KeySet(_key(entry) for entry in said.keys)


def _entry(key: SigningKey) -> _Entry:
    if key.algorithm is Algorithm.HS256:
        return _Entry(key.kid, key.algorithm, key.state, k=_encoded(key.secret))
    public = key.material.as_dict(private=False)
    return _Entry(key.kid, key.algorithm, key.state, x=str(public["x"]))


def _key(entry: _Entry) -> SigningKey:
    if entry.alg is Algorithm.HS256:
        if entry.k is None or entry.x is not None:
            raise ValueError(f"key {entry.kid!r} of the key document is no HS256 entry: it has k and no x")
        return hs256_key(entry.kid, _decoded(entry.k, entry.kid), entry.state)
    if entry.x is None or entry.k is not None:
        raise ValueError(f"key {entry.kid!r} of the key document is no Ed25519 entry: it has x and no k")
    if len(_decoded(entry.x, entry.kid)) != _ED25519_BYTES:
        raise ValueError(f"key {entry.kid!r} of the key document has no public half of {_ED25519_BYTES} bytes")
    try:
        material = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": entry.x})
    except (JoseError, ValueError) as error:
        raise ValueError(f"key {entry.kid!r} of the key document is no Ed25519 key") from error
    return SigningKey(entry.kid, entry.alg, entry.state, material)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str, kid: str) -> bytes:
    """Only the canonical form is read: what would be written for these bytes."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise ValueError(f"key {kid!r} of the key document is not base64url") from error
    if _encoded(raw) != text:
        raise ValueError(f"key {kid!r} of the key document is not base64url")
    return raw
