"""Lines from a pipe or a file, whatever pieces they come in."""

from __future__ import annotations

import os
from pathlib import Path

from moorage.cli.stdin import lines


async def test_lines_of_a_pipe_come_whole_and_without_their_ends() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntw")
    os.write(writing, b"o\r\n\nlast without an end")
    os.close(writing)

    heard = [line async for line in lines(reading)]

    os.close(reading)
    assert heard == ["one", "two", "", "last without an end"]


async def test_a_file_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\n\xff\n" * 3000)
    descriptor = os.open(file, os.O_RDONLY)

    heard = [line async for line in lines(descriptor)]

    os.close(descriptor)
    assert len(heard) == 6000
    assert heard[:2] == ["one", "�"]
