"""Tests of controlplane/io/keyfiles.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controlplane.io.keyfiles import SIGNING, ed25519_keyring, embedded_keyring, read_secret, write_secret
from controlplane.sessions import token_of
from moorage.keys import KeyState
from moorage.tokens import mint, verify
from scheduler.values import Concurrency
from tests.controlplane.builders import NOW, a_session


def test_a_secret_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a.key"

    write_secret(path, "secret")

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(path) == "secret"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_text("old, and readable by all")
    path.chmod(0o644)

    write_secret(path, "new")

    assert read_secret(path) == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_and_an_empty_one_hold_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert read_secret(tmp_path / "missing") is None
    assert read_secret(tmp_path / "empty") is None


def test_the_embedded_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = token_of(a_session(), Concurrency(), 600, NOW, "jti")

    text = mint(token, embedded_keyring(folder).current)

    assert verify(text, embedded_keyring(folder).current, NOW) == token
    assert (folder / SIGNING).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["nonsense", "abcd"])
def test_a_damaged_secret_stops_the_start_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / SIGNING).write_text(text)

    with pytest.raises(ValueError, match="holds no signing secret"):
        embedded_keyring(tmp_path)


def test_ed25519_keys_come_from_pem_files_and_are_published(tmp_path: Path) -> None:
    files = [_pem(tmp_path / f"{name}.pem") for name in ("now", "soon", "before")]

    keys = ed25519_keyring(files[0], (files[1],), (files[2],)).current

    assert {key.kid: key.state for key in keys} == {
        "now": KeyState.ACTIVE,
        "soon": KeyState.NEXT,
        "before": KeyState.RETIRING,
    }
    assert {key["kid"] for key in keys.jwks()["keys"]} == {"now", "soon", "before"}


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.pem"
    path.write_text("-----BEGIN NONSENSE-----")

    with pytest.raises(ValueError, match="is no Ed25519 key"):
        ed25519_keyring(path)


def _pem(path: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
