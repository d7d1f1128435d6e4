"""Opening, readiness, drain and closing, in the order that every program has."""

from __future__ import annotations

import asyncio

import pytest

from moorage.cli.programs.lifecycle import Lifecycle
from moorage.cli.programs.start import Start
from moorage.cli.sources import load
from tests.flows.system import SOON, until


class Ship(Lifecycle):
    """A program of two parts that notes what happens to it."""

    name = "ship"

    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        super().__init__(Start(load({}, None).settings))
        self.seen: list[str] = []
        self._fails = fails
        self._hangs = hangs

    async def open(self) -> None:
        self._open("hull")
        self.keep(self._pump(), "pump")
        if self._fails:
            raise OSError("a leak")
        if self._hangs:
            await asyncio.Event().wait()
        self._open("sail")

    async def drain(self) -> None:
        self.seen.append("drain")
        await self.unless_hurried(self._wait())

    def reloaded(self) -> None:
        self.seen.append("reloaded")

    def _open(self, part: str) -> None:
        async def close() -> None:
            self.seen.append(f"{part} closed")
            if part == "sail":
                raise RuntimeError("it tears")

        self.seen.append(part)
        self.closing(part, close)

    async def _pump(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.seen.append("pump stopped")

    async def _wait(self) -> None:
        await asyncio.Event().wait()


async def test_what_is_opened_is_closed_in_the_opposite_order_though_one_fails() -> None:
    ship = Ship()

    serving = asyncio.create_task(ship.serve(lambda: ship.seen.append("ready")))
    await until(lambda: "ready" in ship.seen)
    ship.stop()
    await until(lambda: "drain" in ship.seen)
    ship.stop()
    await asyncio.wait_for(serving, SOON)

    assert ship.seen == ["hull", "sail", "ready", "drain", "sail closed", "pump stopped", "hull closed"]


async def test_what_is_looked_at_before_metrics_are_shown_is_forgotten_before_it_closes() -> None:
    ship, looks = Ship(), 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    serving = asyncio.create_task(ship.serve(lambda: ship.refreshing(look)))
    await until(lambda: ship.is_ready)
    await ship.readiness({}, ship._refresh)
    ship.stop()
    ship.stop()
    await asyncio.wait_for(serving, SOON)
    await ship.readiness({}, ship._refresh)

    assert looks == 1


async def test_a_start_that_fails_closes_what_was_open_and_says_why() -> None:
    ship = Ship(fails=True)

    with pytest.raises(OSError, match="a leak"):
        await ship.serve(lambda: None)

    assert ship.seen == ["hull", "pump stopped", "hull closed"]


async def test_a_stop_before_it_is_ready_closes_without_a_drain() -> None:
    ship = Ship(hangs=True)

    serving = asyncio.create_task(ship.serve(lambda: ship.seen.append("ready")))
    await until(lambda: "hull" in ship.seen)
    ship.stop()
    await asyncio.wait_for(serving, SOON)

    assert ship.seen == ["hull", "pump stopped", "hull closed"]


async def test_a_part_that_breaks_later_ends_the_program_in_order() -> None:
    ship = Ship()

    async def breaks() -> None:
        raise ValueError("the mast")

    serving = asyncio.create_task(ship.serve(lambda: ship.keep(breaks(), "mast")))

    with pytest.raises(ExceptionGroup) as told:
        await asyncio.wait_for(serving, SOON)
    assert told.group_contains(ValueError, match="the mast")
    assert ship.seen[-1] == "hull closed"


async def test_a_hangup_with_a_wrong_setting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ship = Ship()
    serving = asyncio.create_task(ship.serve(lambda: ship.seen.append("ready")))
    await until(lambda: "ready" in ship.seen)

    monkeypatch.setenv("MOORAGE_LOG_LEVEL", "loud")
    ship.reload()
    monkeypatch.setenv("MOORAGE_LOG_LEVEL", "warning")
    ship.reload()

    ship.stop()
    ship.stop()
    await asyncio.wait_for(serving, SOON)
    assert ship.seen.count("reloaded") == 1
    assert ship.settings.log_level == "warning"
