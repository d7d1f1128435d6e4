"""Whether the database answers, on a real one and where none is."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from controlplane.io.app import ControlPlane
from controlplane.io.database import Database
from controlplane.io.keyfiles import embedded_keyring
from controlplane.io.pulse import Pulse
from controlplane.policy import ControlPlanePolicy, DatabaseLimits
from scheduler.io.memory import MemoryStore


def a_gauge(registry: CollectorRegistry) -> Gauge:
    return Gauge("moorage_test_database_up", "Of a test.", registry=registry)


async def test_a_database_that_answers_is_up(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rows.db'}", DatabaseLimits())
    pulse = Pulse(database, a_gauge(registry))

    try:
        await pulse.look()
    finally:
        await database.close()

    assert registry.get_sample_value("moorage_test_database_up") == 1


async def test_one_that_cannot_be_opened_is_not_and_nothing_is_raised(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}", DatabaseLimits())
    pulse = Pulse(database, a_gauge(registry))
    before = registry.get_sample_value("moorage_test_database_up")

    try:
        await pulse.look()
    finally:
        await database.close()

    assert (before, registry.get_sample_value("moorage_test_database_up")) == (1, 0)


async def test_a_database_without_room_is_shown_until_a_write_finds_some(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    plane = ControlPlane(ControlPlanePolicy(data_folder=tmp_path), MemoryStore(), embedded_keyring(tmp_path), registry)
    database = plane.context.database

    def shown() -> float | None:
        return registry.get_sample_value("moorage_controlplane_database_full")

    before = shown()
    database.is_full = True  # as a write sets it: test_database_bounds.py fills one
    during = shown()
    await plane.close()

    assert (before, during) == (0, 1)
