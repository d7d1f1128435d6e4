"""What the embedded store's board keeps over a restart, and what a damaged file costs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from moorage.errors import Code
from scheduler.io.memory import MemoryStore, boardfile
from scheduler.io.memory.boardfile import FILE, BoardFile
from scheduler.policy import SchedulerPolicy
from scheduler.store import Unavailable
from scheduler.values import Done, Refused
from tests.scheduler.builders import START, a_decision, a_scale_request
from tests.scheduler.world import Clock


def opened(folder: Path, clock: Clock | None = None, **policy: int) -> MemoryStore:
    return MemoryStore(clock=clock or Clock(), policy=SchedulerPolicy(**policy), keeper=BoardFile(folder))


async def test_requests_decisions_and_memories_are_there_after_a_restart(tmp_path: Path) -> None:
    store, request, dropped = opened(tmp_path), a_scale_request(), a_scale_request()
    made = [a_decision(bytes([n]), at=START + n, is_change=n == 1) for n in range(3)]
    await store.put_scale_request(request)
    await store.put_scale_request(dropped)
    await store.drop_scale_request(dropped.id)
    for record in made:
        await store.record_decision(record)
    for document in (b"first", b"\x00second"):
        await store.keep_memory("autoscaler:eu/gpu", document)

    again = opened(tmp_path)

    assert await again.scale_requests() == [request]
    assert await again.decisions("eu", "gpu", 10) == made[::-1]
    assert await again.memory("autoscaler:eu/gpu") == b"\x00second"
    assert await again.events("test", 10, 0) == []  # told by the process that wrote them


async def test_expired_requests_leave_the_file_with_the_next_one(tmp_path: Path) -> None:
    clock = Clock()
    store = opened(tmp_path, clock, scale_requests=1)
    await store.put_scale_request(a_scale_request(ttl_seconds=5))
    clock.seconds += 5
    late = a_scale_request()

    assert await store.put_scale_request(late) == Done()

    requests, _, _ = BoardFile(tmp_path).load()
    assert requests == [late]


async def test_the_file_keeps_no_more_decisions_than_the_store(tmp_path: Path) -> None:
    store = opened(tmp_path, decisions_per_pool=2)
    made = [a_decision(at=START + n) for n in range(4)]
    for record in [*made, a_decision(pool="other")]:
        await store.record_decision(record)

    _, decisions, _ = BoardFile(tmp_path).load()

    assert decisions == [a_decision(pool="other"), made[2], made[3]]


async def test_of_many_requests_at_once_as_many_are_kept_as_may_be(tmp_path: Path) -> None:
    store = opened(tmp_path, scale_requests=3)

    answers = await asyncio.gather(*(store.put_scale_request(a_scale_request()) for _ in range(8)))

    assert answers.count(Done()) == 3
    assert {answer.code for answer in answers if isinstance(answer, Refused)} == {Code.CONFLICT}
    assert len(BoardFile(tmp_path).load()[0]) == 3


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 400, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_damaged_file_is_set_aside_and_said_so(tmp_path: Path, damage: bytes) -> None:
    store = opened(tmp_path)
    await store.put_scale_request(a_scale_request())
    (tmp_path / FILE).write_bytes(damage)

    with capture_logs() as logs:
        again = opened(tmp_path)

    assert await again.scale_requests() == []
    assert await again.put_scale_request(a_scale_request()) == Done()
    assert len(BoardFile(tmp_path).load()[0]) == 1
    if damage:  # an empty file is an empty board
        [said] = [entry for entry in logs if entry["event"] == "board_set_aside"]
        assert Path(said["kept_as"]).read_bytes() == damage
        assert "starts without" in said["detail"]


async def test_what_another_version_wrote_is_set_aside_too(tmp_path: Path) -> None:
    await opened(tmp_path).put_scale_request(a_scale_request())
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE requests SET said = '{}'")
    database.close()

    assert await opened(tmp_path).scale_requests() == []


async def test_what_the_disk_does_not_take_is_not_acknowledged(tmp_path: Path) -> None:
    store, request = opened(tmp_path), a_scale_request()
    (tmp_path / FILE).unlink(missing_ok=True)
    (tmp_path / FILE).mkdir()

    with pytest.raises(Unavailable, match="cannot be written"):
        await store.put_scale_request(request)
    with pytest.raises(Unavailable):
        await store.record_decision(a_decision())

    assert await store.scale_requests() == []
    assert await store.decisions("eu", "gpu", 1) == []


async def test_a_file_that_another_holds_is_not_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boardfile, "BUSY_SECONDS", 0.01)
    await opened(tmp_path).put_scale_request(a_scale_request())
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(OSError, match="cannot be read: database is locked"):
            opened(tmp_path)

    assert len(BoardFile(tmp_path).load()[0]) == 1


async def test_pages_that_were_overwritten_are_found_at_the_start(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(200):
        await store.record_decision(a_decision(bytes(1000), at=START + number))
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 3 * 4096)

    again = opened(tmp_path)

    assert await again.decisions("eu", "gpu", 1) == []
    assert (tmp_path / "board.damaged").exists()


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    keeper = BoardFile(tmp_path / "data")
    assert keeper.load() == ([], [], {})
    assert not (tmp_path / "data").exists()

    keeper.put_memory("name", b"document")

    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600
