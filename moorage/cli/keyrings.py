"""The keys that sign session tokens, as the settings name them."""

from __future__ import annotations

import structlog

from controlplane.io.app import ControlPlane
from controlplane.io.keyfiles import ed25519_keyring, embedded_keyring
from controlplane.keyring import KeyRing
from moorage.cli.settings import Settings

_log = structlog.get_logger("moorage.keys")


def keyring(settings: Settings) -> KeyRing:
    """Raises ValueError or OSError for files that hold no keys."""
    signing = settings.signing
    if signing.key is not None:
        return ed25519_keyring(signing.key, signing.next_keys, signing.retiring_keys)
    if signing.next_keys or signing.retiring_keys:
        raise ValueError("signing.next_keys and signing.retiring_keys need signing.key")
    return embedded_keyring(settings.data.absolute())


def shared_keyring(settings: Settings) -> KeyRing:
    """The keys of a control plane of many: a secret made in one's own data folder would verify no other one's tokens.

    Raises ValueError where the database is shared and the keys are not.
    """
    if settings.controlplane.database_url and settings.signing.key is None:
        raise ValueError(
            "control planes that share a database sign with one key: name an Ed25519 PEM file in signing.key "
            "(MOORAGE_SIGNING__KEY), the same for each (`openssl genpkey -algorithm ed25519 -out signing.pem` makes one)"
        )
    return keyring(settings)


def turn_keys(control: ControlPlane, settings: Settings) -> None:
    """The files are read again; where they cannot be used, the keys in force stay."""
    try:
        control.rotate(keyring(settings).current)
    except (ValueError, OSError) as error:
        _log.error("signing_keys_not_reloaded", why=str(error))
