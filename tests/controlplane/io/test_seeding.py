"""The store gets everything from SQL when it has nothing: at start, after a loss of data, and after an outage at start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from controlplane.io import applier, scaling, seeding
from moorage.ids import SessionId
from moorage.keydocument import key_document, read_key_document
from scheduler.io.memory import MemoryStore
from scheduler.store import Store
from scheduler.values import Revocation
from tests.controlplane.io.away import Switched
from tests.controlplane.io.conftest import Harbour, Open, eventually
from tests.controlplane.io.routes.test_scaling import UP, scaled


class Noting(MemoryStore):
    """A memory store that remembers in which batches it was seeded."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def seed(self, ended: dict[SessionId, float], revocations: list[Revocation]) -> None:
        self.batches.append(len(ended) + len(revocations))
        assert await self.token_keys() is None, "the mark comes last"
        await super().seed(ended, revocations)


async def published(harbour: Harbour) -> list[str]:
    async def there() -> bytes | None:
        return await harbour.store.token_keys()

    return [key.kid for key in read_key_document(await eventually(there))]


async def test_the_start_publishes_keys_that_verify_tokens(harbour: Harbour) -> None:
    document = await harbour.store.token_keys()

    assert document == key_document(harbour.plane.keys)
    assert await harbour.store.join_key(_digest(harbour.welcome.join_key)) is not None


async def test_a_store_that_lost_everything_is_seeded_again(harbour: Harbour) -> None:
    switched = Switched(cast(MemoryStore, harbour.store))
    object.__setattr__(harbour.plane.context, "store", switched)
    ended = await harbour.create()
    await harbour.admin.delete(f"/sessions/{ended['id']}")

    switched.inner = fresh = MemoryStore()
    harbour.store = fresh

    assert await published(harbour) == ["embedded"]
    assert SessionId(ended["id"]) in fresh._fleet.tombstones
    assert await fresh.join_key(_digest(harbour.welcome.join_key)) is not None


async def test_wishes_that_nobody_took_back_return_to_a_store_that_lost_them(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling, "BATCH", 2)
    for pool in ("default", "other"):
        await scaled(harbour, pool=pool)
    (await harbour.admin.post("/scale-requests", json=UP)).raise_for_status()
    await harbour.admin.post("/scale-requests", json={"action": "release", "region": "local", "pool": "default"})
    kept, deleted, short = [
        (await harbour.admin.post("/scale-requests", json=UP | {"pool": "other", "ttl_seconds": ttl})).json()
        for ttl in (600, 600, 5)
    ]
    await harbour.admin.delete(f"/scale-requests/{deleted['scale_request']['id']}")
    harbour.clock.ahead += 6
    fresh = MemoryStore(harbour.clock)
    object.__setattr__(harbour.plane.context, "store", fresh)

    await published(replace(harbour, store=fresh))

    assert [request.id for request in await fresh.scale_requests()] == [kept["scale_request"]["id"]]
    assert short["scale_request"]["pool"] == "other"


async def test_batches_are_bounded(open_harbour: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "BATCH", 2)
    monkeypatch.setattr(applier, "SETTLE_SECONDS", 0.05)
    first = await open_harbour()
    for number in range(5):
        created = await first.create(end_user_id=f"u{number}")
        await first.admin.delete(f"/sessions/{created['id']}")
    for number in range(3):
        created = await first.create(end_user_id=f"u{number}")
        await first.admin.post("/revocations", json={"kind": "session", "id": created["id"]})
        await first.row_is(created["id"], "COMPLETED")
    await first.plane.close()
    store = Noting()

    second = await open_harbour(store)

    assert [size for size in store.batches if size > 2] == []
    assert sum(store.batches) == 8 + 3
    assert len(store._fleet.tombstones) == 8
    assert len(await second.store.revocations()) == 3


async def test_a_start_without_a_store_serves_and_seeds_when_it_is_back(open_harbour: Open) -> None:
    switched = Switched(MemoryStore())
    switched.is_here = False

    async def later(harbour: Any) -> None:
        switched.is_here = True

    plane = await _started_while_away(open_harbour, switched)
    await later(plane)

    async def there() -> bytes | None:
        return await switched.inner.token_keys()

    await eventually(there)


async def _started_while_away(open_harbour: Open, switched: Switched) -> Harbour:
    """The fixture's own gateway needs the store, so that one is let through."""
    join = switched.inner.join
    switched.join = join  # type: ignore[attr-defined]
    return await open_harbour(cast(Store, switched), workers=0)


def _digest(key: str) -> str:
    from controlplane.credentials import Credential

    return Credential(key).digest
