"""The scheduler's gauges, from a real store."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from moorage.cli.fleet_metrics import FleetCollector
from scheduler.io.memory import MemoryStore
from scheduler.store import Unavailable
from scheduler.values import Drain, PoolView, Registered, Registration


class Away(MemoryStore):
    """A store that cannot be reached."""

    async def pools(self) -> list[PoolView]:
        raise Unavailable


async def test_before_the_first_look_the_store_is_not_up() -> None:
    registry = watched(MemoryStore())[0]

    assert registry.get_sample_value("moorage_scheduler_store_up") == 0


async def test_places_and_states_are_counted() -> None:
    store = MemoryStore()
    registry, fleet = watched(store)
    for number in (1, 2):
        await store.register(Registration(f"w{number}", "local", "default", f"127.0.0.1:{number}", 4))
    drained = await store.register(Registration("w3", "local", "gpu", "127.0.0.1:3", 4))
    assert isinstance(drained, Registered)
    await store.drain(drained.worker, Drain(store.now() + 60, 1.0))

    await fleet.refresh()

    def sample(name: str, pool: str, **more: str) -> float | None:
        return registry.get_sample_value(f"moorage_scheduler_{name}", {"region": "local", "pool": pool, **more})

    assert registry.get_sample_value("moorage_scheduler_store_up") == 1
    assert sample("workers", "default", state="serving") == 2
    assert sample("workers", "gpu", state="draining") == 1
    assert sample("workers", "gpu", state="serving") == 0
    assert sample("slots_free", "default") == 8
    assert sample("queue_length", "default") == 0
    assert sample("sessions", "default", state="held") == 0
    assert sample("drain_sessions_left", "gpu") == 0


async def test_while_the_store_is_away_its_gauges_are_absent_and_not_stale() -> None:
    registry, fleet = watched(Away())

    await fleet.refresh()

    assert not fleet.is_store_up
    assert registry.get_sample_value("moorage_scheduler_store_up") == 0
    assert "moorage_scheduler_slots" not in {family.name for family in registry.collect()}


def watched(store: MemoryStore) -> tuple[CollectorRegistry, FleetCollector]:
    registry, fleet = CollectorRegistry(), FleetCollector(store)
    registry.register(fleet)
    return registry, fleet
