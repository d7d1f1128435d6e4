"""Values for tests: each builder gives something valid, and takes only what a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from gateway.credentials import Presented, find_token
from gateway.forward import Visitor
from gateway.policy import TlsFiles
from gateway.refusals import accept_key
from gateway.upgrade import Upgrade, parse_upgrade
from moorage import ids
from moorage.ids import GatewayId, KeyId, SessionId, UserId, WorkerId, WorkspaceId
from moorage.keys import KeySet, hs256_key
from moorage.tokens import SessionToken, mint
from scheduler.values import Claimed

NOW = 1_800_000_000.0
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
ACCEPT = accept_key(KEY)
CLAIM_KEY = b"k" * 32
SECRET = b"a secret of at least 32 bytes, ok"
KEYS = KeySet([hs256_key("k1", SECRET)])

Fields = Sequence[tuple[str, str]]


def an_id(prefix: str, number: int = 0) -> str:
    """The same id for the same number."""
    return ids.make(prefix, NOW, lambda count: number.to_bytes(count, "big"))


def a_session(number: int = 0) -> SessionId:
    return SessionId(an_id("ses", number))


def a_worker_id(number: int = 0) -> WorkerId:
    return WorkerId(an_id("wrk", number))


def a_gateway_id(number: int = 0) -> GatewayId:
    return GatewayId(an_id("gtw", number))


def a_token(number: int = 0, *, now: float = NOW, **said: Any) -> SessionToken:
    """What a token says: session `number` of one user, valid for an hour from `now`."""
    claims: dict[str, Any] = {
        "session": a_session(number),
        "user": UserId(an_id("usr", number)),
        "workspace": WorkspaceId(an_id("wsp")),
        "key": KeyId(an_id("key")),
        "issued_at": now,
        "not_before": now,
        "expires_at": now + 3600,
        "session_expires_at": now + 3600,
        "jti": f"jti-{number}",
    }
    return SessionToken(**{**claims, **said})


def a_jwt(number: int = 0, *, keys: KeySet = KEYS, now: float = NOW, **said: Any) -> str:
    """A signed token."""
    return mint(a_token(number, now=now, **said), keys)


def upgrade_fields(**replaced: str | None) -> list[tuple[str, str]]:
    """The fields of a valid upgrade; a name with underscores replaces a field, None leaves it out, a new one is appended."""
    fields: dict[str, str | None] = {
        "Host": "gateway.example",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    named = {name.lower().replace("-", "_"): name for name in fields}
    for name, value in replaced.items():
        fields[named.get(name.lower(), name.replace("_", "-"))] = value
    return [(name, value) for name, value in fields.items() if value is not None]


def a_request(target: str = "/", extra: Fields = (), start: str | None = None, **replaced: str | None) -> bytes:
    """The bytes of an upgrade request."""
    lines = [f"GET {target} HTTP/1.1" if start is None else start]
    lines += [f"{name}: {value}" for name, value in [*upgrade_fields(**replaced), *extra]]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def an_upgrade(target: str = "/", extra: Fields = (), **replaced: str | None) -> Upgrade:
    """A parsed upgrade request."""
    return parse_upgrade(a_request(target, extra, **replaced))


def a_visitor(
    upgrade: Upgrade | None = None, token: SessionToken | None = None, address: str = "203.0.113.7"
) -> Visitor:
    """A client whose token was accepted; a request without a token gets one as Authorization."""
    upgrade = upgrade or an_upgrade(Authorization="Bearer x.y.z")
    presented: Presented = find_token(upgrade, allows_query=True)
    return Visitor(upgrade, presented, token or a_token(), address, "00-" + "1" * 32 + "-" + "2" * 16 + "-01")


def a_claimed(number: int = 0, **said: Any) -> Claimed:
    """A reserved slot of session `number`."""
    fields: dict[str, Any] = {
        "session": a_session(number),
        "worker": a_worker_id(),
        "address": "127.0.0.1:9",
        "claim_key": CLAIM_KEY,
        "fence": 7,
        "region": "eu-west",
        "pool": "default",
        "reserved_until": NOW + 10,
        "expires_at": NOW + 3600,
        "is_resumed": False,
    }
    return Claimed(**{**fields, **said})


def an_answer(start: str = "HTTP/1.1 101 Switching Protocols", extra: Fields = (), **replaced: str | None) -> bytes:
    """The bytes of a worker's answer to the upgrade of `a_request`."""
    fields: dict[str, str | None] = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": ACCEPT}
    named = {name.lower().replace("-", "_"): name for name in fields}
    for name, value in replaced.items():
        fields[named.get(name.lower(), name.replace("_", "-"))] = value
    lines = [start, *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    lines += [f"{name}: {value}" for name, value in extra]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test, and a server's certificate in files."""

    ca: trustme.CA
    files: TlsFiles

    @property
    def pem(self) -> bytes:
        """What clients trust."""
        return bytes(self.ca.cert_pem.bytes())

    def issue(self, *names: str) -> None:
        """Replaces the files by a new certificate."""
        certificate = self.ca.issue_cert(*names)
        self.files.key.write_bytes(certificate.private_key_pem.bytes())
        self.files.certificate.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))


def an_authority(folder: Path, *names: str) -> Authority:
    """A new authority, with a certificate for `names` (localhost and 127.0.0.1 by default) in a folder."""
    authority = Authority(trustme.CA(), TlsFiles(folder / "tls.crt", folder / "tls.key"))
    authority.issue(*(names or ("localhost", "127.0.0.1")))
    return authority
