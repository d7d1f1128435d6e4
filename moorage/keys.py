"""Signing keys of session tokens: a set of next, active and retiring keys, and the public half as a JWKS document.

A key's life is next (published, not yet used) -> active (signs) -> retiring (still verifies) -> gone. Pure: no files, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

_MOST_HEADERS = 64  # issuers write the same header into every token; whoever varies it is read each time
HS256_SECRET_BYTES = 32  # RFC 7518 section 3.2: at least the hash's size


class Algorithm(Enum):
    """How a key signs; the value is the `alg` it writes (RFC 7518, RFC 9864)."""

    HS256 = "HS256"
    ED25519 = "Ed25519"

    @property
    def accepted(self) -> tuple[str, ...]:
        """`alg` values a token of such a key may carry. EdDSA is Ed25519's older name (RFC 8037)."""
        return ("HS256",) if self is Algorithm.HS256 else ("Ed25519", "EdDSA")


class KeyState(Enum):
    """Where a key is in its life."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """One key. `material` is joserfc's; it never shows in a repr."""

    kid: str
    algorithm: Algorithm
    state: KeyState
    material: OctKey | OKPKey

    @property
    def secret(self) -> bytes:
        """The shared secret of an HS256 key."""
        return self.material.raw_value if isinstance(self.material, OctKey) else b""

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r}, {self.algorithm.value}, {self.state.value})"


class KeySet:
    """Immutable but for what it remembers. At most one key is active; kids are unique."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        listed = tuple(keys)
        self._by_kid = {key.kid: key for key in listed}
        if len(self._by_kid) != len(listed):
            raise ValueError("two keys of a set have the same kid")
        self._by_header: dict[str, SigningKey] = {}
        if sum(key.state is KeyState.ACTIVE for key in self._by_kid.values()) > 1:
            raise ValueError("a key set has at most one active key")

    def __iter__(self) -> Iterator[SigningKey]:
        return iter(self._by_kid.values())

    def find(self, kid: str) -> SigningKey | None:
        """The key that a token names."""
        return self._by_kid.get(kid)

    def remember(self, header: str, key: SigningKey) -> None:
        """A token whose encoded header is this one was verified with this key: its header need not be read again."""
        if len(self._by_header) < _MOST_HEADERS:
            self._by_header[header] = key

    def recall(self, header: str) -> SigningKey | None:
        """The key of an encoded header that was read before."""
        return self._by_header.get(header)

    @property
    def active(self) -> SigningKey:
        """The key that signs. Raises LookupError when there is none."""
        for key in self._by_kid.values():
            if key.state is KeyState.ACTIVE:
                return key
        raise LookupError("no active signing key: add one, or activate the next one")

    def jwks(self) -> dict[str, list[dict[str, object]]]:
        """The public keys (RFC 7517 section 5). Shared secrets have no public half and never appear."""
        return {"keys": [_public(key) for key in self._by_kid.values() if key.algorithm is Algorithm.ED25519]}


def hs256_key(kid: str, secret: bytes, state: KeyState = KeyState.ACTIVE) -> SigningKey:
    """Raises ValueError for a secret under 32 bytes."""
    if len(secret) < HS256_SECRET_BYTES:
        raise ValueError(f"an HS256 secret has at least {HS256_SECRET_BYTES} bytes, this one has {len(secret)}")
    return SigningKey(kid, Algorithm.HS256, state, OctKey.import_key(secret))


def ed25519_key(kid: str, pem: bytes | str, state: KeyState = KeyState.ACTIVE) -> SigningKey:
    """From a private (signs and verifies) or public (verifies) PEM. Raises ValueError."""
    try:
        material = OKPKey.import_key(pem)
    except JoseError as error:
        raise ValueError(f"this PEM holds no Ed25519 key: {error.description}") from error
    if material.curve_name != "Ed25519":  # X25519 and Ed448 are of the same key type
        raise ValueError(f"this PEM holds a key of {material.curve_name}, not Ed25519")
    return SigningKey(kid, Algorithm.ED25519, state, material)


def _public(key: SigningKey) -> dict[str, object]:
    return {**key.material.as_dict(private=False), "kid": key.kid, "alg": key.algorithm.value, "use": "sig"}
