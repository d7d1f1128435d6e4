"""Secrets on disk: one a file, mode 0600, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from controlplane.keyring import KeyRing
from moorage.keys import HS256_SECRET_BYTES, KeySet, KeyState, SigningKey, ed25519_key, hs256_key

SIGNING, ADMIN, JOIN = "signing.key", "admin.key", "join.key"


def read_secret(path: Path) -> str | None:
    """The secret, or None where there is no file."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def write_secret(path: Path, text: str) -> None:
    """Replaces the file in one step; nobody but its owner can ever open it. Raises OSError naming it."""
    try:
        _write(path, text)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk says it of a descriptor
        raise


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def embedded_keyring(folder: Path) -> KeyRing:
    """One HS256 secret, made at the first start and kept. Raises ValueError for a file that holds no such secret."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / SIGNING
    text = read_secret(path)
    if text is None:
        text = os.urandom(HS256_SECRET_BYTES).hex()
        write_secret(path, text)
    try:
        return KeyRing(KeySet([hs256_key("embedded", bytes.fromhex(text))]))
    except ValueError as error:
        raise ValueError(f"{path} holds no signing secret: 64 hex digits. Remove it, and issued tokens end") from error


def ed25519_keyring(active: Path, following: tuple[Path, ...] = (), retiring: tuple[Path, ...] = ()) -> KeyRing:
    """From PEM files; a key's id is its file's name without suffix. Raises ValueError, OSError naming the file."""
    files = [
        (active, KeyState.ACTIVE),
        *((path, KeyState.NEXT) for path in following),
        *((path, KeyState.RETIRING) for path in retiring),
    ]
    return KeyRing(KeySet(_pem_key(path, state) for path, state in files))


def _pem_key(path: Path, state: KeyState) -> SigningKey:
    try:
        return ed25519_key(path.stem, path.read_bytes(), state)
    except ValueError as error:
        raise ValueError(f"{path} is no Ed25519 key in PEM form") from error
