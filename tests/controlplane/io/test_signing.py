"""Keys turn without a restart: published, left to spread, then in force; tokens of either verify all the while."""

from __future__ import annotations

import pytest

from controlplane.io import seeding, signing
from moorage.keydocument import read_key_document
from moorage.keys import KeySet, KeyState, hs256_key
from moorage.tokens import verify
from tests.controlplane.io.conftest import Harbour, eventually

OTHER = hs256_key("other", b"o" * 32)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(signing, "SPREAD_SECONDS", 0.3)


async def states(harbour: Harbour) -> dict[str, KeyState]:
    document = await harbour.store.token_keys()
    assert document is not None
    return {key.kid: key.state for key in read_key_document(document)}


def following(harbour: Harbour) -> KeySet:
    [old] = harbour.plane.keys
    return KeySet([OTHER, hs256_key(old.kid, old.secret, KeyState.RETIRING)])


async def test_a_new_key_is_known_to_every_verifier_before_it_signs(harbour: Harbour) -> None:
    before = await harbour.create()
    harbour.plane.rotate(following(harbour))

    async def announced() -> bool | None:
        return True if await states(harbour) == {"embedded": KeyState.ACTIVE, "other": KeyState.NEXT} else None

    async def turned() -> bool | None:
        wanted = {"embedded": KeyState.RETIRING, "other": KeyState.ACTIVE}
        return True if await states(harbour) == wanted else None

    await eventually(announced)
    assert harbour.plane.keys.active.kid == "embedded"
    await eventually(turned)
    after = await harbour.create(end_user_id="u2")
    assert harbour.plane.keys.active.kid == "other"
    for created in (before, after):
        verify(created["session_token"], harbour.plane.keys, harbour.store.now())


async def test_a_key_that_changed_under_its_name_is_refused_and_nothing_turns(harbour: Harbour) -> None:
    with pytest.raises(ValueError, match="'embedded' has other contents"):
        harbour.plane.rotate(KeySet([hs256_key("embedded", b"x" * 32)]))

    assert await states(harbour) == {"embedded": KeyState.ACTIVE}
    verify((await harbour.create())["session_token"], harbour.plane.keys, harbour.store.now())
