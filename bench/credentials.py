"""Session tokens for the load generator: one session each, HS256, one a line in a file."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path

from moorage import ids
from moorage.ids import KeyId, SessionId, UserId, WorkspaceId
from moorage.keys import KeySet, hs256_key
from moorage.tokens import SessionToken, mint

KID = "bench"
LIFETIME = 4 * 3600.0


def write_secret(path: Path) -> None:
    """A fresh secret that one gateway under test reads."""
    path.write_bytes(os.urandom(32))


def read_keys(path: Path) -> KeySet:
    """The key set of a secret written by `write_secret`."""
    return KeySet([hs256_key(KID, path.read_bytes())])


def join_key(path: Path) -> str:
    """The key with which a worker may join the gateway of that secret."""
    return sha256(b"join" + path.read_bytes()).hexdigest()


def write_tokens(path: Path, keys: KeySet, count: int) -> None:
    """Tokens of `count` distinct sessions of one user."""
    now = time.time()
    user, workspace, key = (ids.make(prefix, now, os.urandom) for prefix in ("usr", "wsp", "key"))
    with path.open("w") as file:
        for _ in range(count):
            token = SessionToken(
                session=SessionId(ids.make("ses", now, os.urandom)),
                user=UserId(user),
                workspace=WorkspaceId(workspace),
                key=KeyId(key),
                issued_at=now,
                not_before=now,
                expires_at=now + LIFETIME,
                session_expires_at=now + LIFETIME,
                jti="",
            )
            file.write(mint(token, keys) + "\n")
