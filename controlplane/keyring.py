"""The signing keys as they are now, shared by whoever mints or verifies.

A key set is immutable; rotating puts a new one here. next -> active -> retiring -> gone, one step at a time.
"""

from __future__ import annotations

from dataclasses import replace

from moorage.keys import KeySet, KeyState, SigningKey


class KeyRing:
    """Holds the current key set; readers call `current` each time and keep nothing."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    @property
    def current(self) -> KeySet:
        """The keys of this moment."""
        return self._keys

    def publish(self, key: SigningKey) -> None:
        """A next key: known to verifiers, not used yet. Raises ValueError for a kid that is taken."""
        if self._keys.find(key.kid) is not None:
            raise ValueError(f"there is a key {key.kid!r} already")
        self._keys = KeySet([*self._keys, replace(key, state=KeyState.NEXT)])

    def activate(self, kid: str) -> None:
        """The next key signs from now on; the active one retires. Raises LookupError unless it is a next key."""
        chosen = self._keys.find(kid)
        if chosen is None or chosen.state is not KeyState.NEXT:
            raise LookupError(f"key {kid!r} is not a published next key: publish it first")
        self._keys = KeySet(_turned(key, kid) for key in self._keys)

    def retire(self, kid: str) -> None:
        """Forgets a retiring key, once its last token has expired. Raises LookupError unless it is retiring."""
        chosen = self._keys.find(kid)
        if chosen is None or chosen.state is not KeyState.RETIRING:
            raise LookupError(f"key {kid!r} is not retiring: activate another one first")
        self._keys = KeySet(key for key in self._keys if key.kid != kid)


def _turned(key: SigningKey, kid: str) -> SigningKey:
    if key.kid == kid:
        return replace(key, state=KeyState.ACTIVE)
    return replace(key, state=KeyState.RETIRING) if key.state is KeyState.ACTIVE else key
