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

    def replace(self, keys: KeySet) -> None:
        """These from now on."""
        self._keys = keys

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


def joined(current: KeySet, following: KeySet) -> KeySet:
    """What is known while verifiers hear of the following keys: those of now sign and verify, new ones only verify.

    Raises ValueError where a key has changed under its name.
    """
    for key in following:
        known = current.find(key.kid)
        if known is not None and not is_same(known, key):
            raise ValueError(f"key {key.kid!r} has other contents than before: a new key needs a name of its own")
    new = [replace(key, state=_before_its_turn(key)) for key in following if current.find(key.kid) is None]
    return KeySet([*current, *new])


def is_same(one: SigningKey, other: SigningKey) -> bool:
    """Whether both verify the same tokens; one may lack the private half."""
    if one.algorithm is not other.algorithm:
        return False
    if one.secret or other.secret:
        return one.secret == other.secret
    return one.material.as_dict(private=False).get("x") == other.material.as_dict(private=False).get("x")


def _before_its_turn(key: SigningKey) -> KeyState:
    return KeyState.NEXT if key.state is KeyState.ACTIVE else key.state
