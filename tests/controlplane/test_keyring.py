"""Tests of controlplane/keyring.py."""

from __future__ import annotations

import pytest

from controlplane.keyring import KeyRing
from moorage.keys import KeySet, KeyState, hs256_key


def a_ring() -> KeyRing:
    return KeyRing(KeySet([hs256_key("old", b"o" * 32)]))


def states(ring: KeyRing) -> dict[str, KeyState]:
    return {key.kid: key.state for key in ring.current}


def test_a_key_lives_from_next_over_active_and_retiring_to_gone() -> None:
    ring = a_ring()

    ring.publish(hs256_key("new", b"n" * 32))
    assert states(ring) == {"old": KeyState.ACTIVE, "new": KeyState.NEXT}

    ring.activate("new")
    assert states(ring) == {"old": KeyState.RETIRING, "new": KeyState.ACTIVE}

    ring.retire("old")
    assert states(ring) == {"new": KeyState.ACTIVE}


def test_a_third_key_keeps_its_state_when_another_becomes_active() -> None:
    ring = a_ring()
    ring.publish(hs256_key("new", b"n" * 32))
    ring.publish(hs256_key("later", b"l" * 32))

    ring.activate("new")

    assert states(ring)["later"] is KeyState.NEXT


def test_a_kid_is_taken_once() -> None:
    with pytest.raises(ValueError, match="there is a key 'old' already"):
        a_ring().publish(hs256_key("old", b"x" * 32))


@pytest.mark.parametrize("kid", ["old", "unknown"])
def test_steps_cannot_be_left_out(kid: str) -> None:
    with pytest.raises(LookupError, match="is not a published next key"):
        a_ring().activate(kid)
    with pytest.raises(LookupError, match="is not retiring"):
        a_ring().retire(kid)
