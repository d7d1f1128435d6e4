"""Which keys sign: a secret of one's own for one control plane, a file that all have for several."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from moorage.cli.keyrings import shared_keyring
from moorage.cli.settings import ControlPlaneGroup, Settings, SigningGroup
from moorage.keys import Algorithm
from tests.moorage.test_keys import private_pem

SHARED = ControlPlaneGroup(database_url="postgresql+asyncpg://moorage@10.0.0.6/moorage")


def test_alone_a_secret_is_made_and_kept(tmp_path: Path) -> None:
    first, second = (shared_keyring(Settings(data=tmp_path)).current.active for _ in range(2))

    assert first.algorithm is Algorithm.HS256
    assert first.secret == second.secret


def test_on_a_shared_database_the_key_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"signing\.key"):
        shared_keyring(Settings(data=tmp_path, controlplane=SHARED))

    assert not (tmp_path / "signing.key").exists()


def test_a_key_that_is_given_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "2026-11.pem"
    path.write_bytes(private_pem(Ed25519PrivateKey.generate()))

    keys = shared_keyring(Settings(data=tmp_path, controlplane=SHARED, signing=SigningGroup(key=path))).current

    assert keys.active.kid == "2026-11"
