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


def turn_keys(control: ControlPlane, settings: Settings) -> None:
    """The files are read again; where they cannot be used, the keys in force stay."""
    try:
        control.rotate(keyring(settings).current)
    except (ValueError, OSError) as error:
        _log.error("signing_keys_not_reloaded", why=str(error))
