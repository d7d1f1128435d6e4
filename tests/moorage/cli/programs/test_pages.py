"""The children's pages: read, summed, and remembered when a child is silent or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from moorage.cli.programs import pages
from moorage.cli.programs.child import Life, Recipe
from moorage.cli.programs.pages import Pages, fetch

PAGE = "# HELP c_total Things.\n# TYPE c_total counter\nc_total {}\n"


@asynccontextmanager
async def child(path: Path, answer: str) -> AsyncIterator[None]:
    """Says this to everybody, and then nothing."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode())
        if answer:
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_unix_server(say, path)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def ok(count: float) -> str:
    return f"HTTP/1.0 200 OK\r\n\r\n{PAGE.format(count)}"


def a_life(folder: Path, number: int = 1) -> Life:
    life = Life(Recipe("child", (), {}, pages=folder), number)
    life.ready.set()
    return life


async def test_pages_are_summed_and_the_dead_stay_in_the_sum(tmp_path: Path) -> None:
    first, second = a_life(tmp_path, 1), a_life(tmp_path, 2)
    lives = [first, second]
    both = Pages(CollectorRegistry(), CollectorRegistry(), lambda: lives)
    assert first.observe is not None
    assert second.observe is not None

    async with child(first.observe, ok(3)), child(second.observe, ok(4)):
        together = await both.page()
        first.ended.set()
        lives.remove(first)
        both.ended(first)
        after = await both.page()

    assert "c_total 7.0" in together.decode()
    assert "c_total 7.0" in after.decode()


async def test_a_child_that_is_silent_shows_its_last_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = a_life(tmp_path)
    one = Pages(CollectorRegistry(), CollectorRegistry(), lambda: [life])
    assert life.observe is not None

    async with child(life.observe, ok(3)):
        await one.page()
    life.observe.unlink(missing_ok=True)
    monkeypatch.setattr(pages, "ANSWER_WITHIN", 0.1)
    async with child(life.observe, ""):
        after = await one.page()

    assert "c_total 3.0" in after.decode()


@pytest.mark.parametrize("answer", ["HTTP/1.0 500 No\r\n\r\n", "nonsense"])
async def test_what_is_no_page_is_an_error(tmp_path: Path, answer: str) -> None:
    async with child(tmp_path / "s", answer):
        with pytest.raises(ValueError, match=r"answered|bytes"):
            await fetch(tmp_path / "s")
