"""A place is always filled: deaths, replacements, drains and stops of a child process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from moorage.cli.programs.child import Life, Recipe
from moorage.cli.programs.place import Place
from tests.deadlines import SOON

CHILD = """
import json, os, signal, sys, threading
def say(what): os.write(1, json.dumps(what).encode() + b"\\n")
def drained(*_): say({"drained": True})
signal.signal(signal.SIGTERM, drained); signal.signal(signal.SIGUSR2, drained)
say({"failed": "no luck"} if "fail" in sys.argv else {"pid": os.getpid(), "said": sys.argv[1:]})
if "fail" in sys.argv: sys.exit(3)
sys.stdin.read()
"""


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


class Watched:
    """A place, and what was told of it."""

    def __init__(self, *arguments: str, pages: Path | None = None) -> None:
        recipe = Recipe("child-1", (sys.executable, "-c", CHILD, *arguments), dict(os.environ), pages=pages)
        self.parted: list[Life] = []
        self.ended: list[Life] = []
        self.place = Place(recipe, self._part, self._changed)

    async def _part(self, life: Life) -> None:
        self.parted.append(life)

    def _changed(self, life: Life) -> None:
        if life.ended.is_set():
            self.ended.append(life)

    async def serving(self) -> Life:
        """Its newest life, ready."""
        async with asyncio.timeout(SOON):
            while not self.place.is_ready:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        return self.place.lives[-1]


@asynccontextmanager
async def filled(*arguments: str, pages: Path | None = None) -> AsyncIterator[Watched]:
    watched = Watched(*arguments, pages=pages)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watched.place.run())
        await asyncio.sleep(0)
        try:
            yield watched
        finally:
            await watched.place.stop(SOON)


async def test_one_that_dies_is_started_again_and_counted() -> None:
    async with filled() as watched:
        first = await watched.serving()
        first.tell(signal.SIGKILL)
        await asyncio.wait_for(first.ended.wait(), SOON)

        second = await watched.serving()

        assert (watched.place.restarts, watched.ended) == (1, [first])
        assert second.pid not in (None, first.said["pid"])


async def test_a_replacement_serves_before_the_old_one_drains() -> None:
    async with filled() as watched:
        old = await watched.serving()

        is_done = await watched.place.replace(SOON, SOON)

        assert is_done
        assert (watched.parted, watched.ended) == ([old], [old])
        assert watched.place.lives[-1] is await watched.serving()
        assert watched.place.restarts == 0


async def test_a_replacement_that_fails_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with filled() as watched:
        old = await watched.serving()
        failing = Recipe("child-1", (sys.executable, "-c", CHILD, "fail"), dict(os.environ))
        monkeypatch.setattr(watched.place, "recipe", failing)

        is_done = await watched.place.replace(SOON, SOON)

        assert not is_done
        assert watched.place.lives == [old]
        assert old.pid is not None


async def test_a_drained_one_stays_until_it_is_stopped() -> None:
    async with filled() as watched:
        life = await watched.serving()

        await watched.place.drain(SOON)
        stayed = life.pid is not None
        await watched.place.stop(SOON)

        assert stayed
        assert (watched.parted, watched.ended, life.status) == ([life], [life], 0)


async def test_one_that_somebody_else_told_to_drain_is_let_go_and_started_again() -> None:
    async with filled() as watched:
        life = await watched.serving()

        os.kill(life.said["pid"], signal.SIGTERM)
        await asyncio.wait_for(life.ended.wait(), SOON)

        assert await watched.serving() is not life


async def test_what_it_said_when_it_failed_is_kept() -> None:
    async with filled("fail") as watched:
        life = watched.place.lives[0]
        await life.until(life.ended, SOON)

        assert (life.said, life.status, life.ready.is_set()) == ({"failed": "no luck"}, 3, False)


async def test_its_socket_for_metrics_is_there_as_long_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    async with filled(pages=folder) as watched:
        life = await watched.serving()

        assert [path.name for path in folder.iterdir()] == ["child-1.1"]
        assert life.said["said"][0] == "--inherit"
        assert life.said["said"][1].startswith("child-1:observe=")
    assert list(folder.iterdir()) == []
