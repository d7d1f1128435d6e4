"""The bundled server: private, durable, and gone before its data is opened again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from moorage.cli import valkey
from tests.moorage.cli.fleet import a_store, eventually
from tests.moorage.cli.test_up_stopping import is_alive


def test_it_listens_nowhere_else_and_throws_nothing_away() -> None:
    said = valkey.arguments(Path("/d"), Path("/s"))
    options = dict(zip(said[::2], said[1::2], strict=True))

    assert (options["--port"], options["--unixsocket"], options["--unixsocketperm"]) == ("0", "/s", "700")
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert options["--maxmemory-policy"] == "noeviction"


def test_a_path_with_odd_characters_is_a_url_all_the_same() -> None:
    assert valkey.url(Path("/a b/s?")) == "unix:///a%20b/s%3F"


def test_one_that_outlived_its_parent_is_dismissed(tmp_path: Path) -> None:
    with a_store(tmp_path):
        before = asyncio.run(valkey.answers(tmp_path / "s"))

        asyncio.run(valkey.dismiss(tmp_path / "s"))

        assert (before, asyncio.run(valkey.answers(tmp_path / "s"))) == (True, False)


async def test_nobody_there_is_nobody_to_dismiss(tmp_path: Path) -> None:
    await valkey.dismiss(tmp_path / "s")


def test_a_tied_program_ends_with_whoever_started_it() -> None:
    start = "import os, subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'moorage.cli.tied', str(os.getpid()), '/bin/sleep', '60']); print(p.pid, flush=True); sys.stdin.read()"  # noqa: E501
    parent = subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        tied = int(parent.stdout.readline())
        eventually(lambda: Path(f"/proc/{tied}/cmdline").read_text().startswith("/bin/sleep"))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.communicate()

    eventually(lambda: not is_alive(tied))
