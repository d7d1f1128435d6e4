"""A real PgBouncer in transaction mode before the tests' PostgreSQL, with fewer connections than its clients have."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.controlplane.io.databases import Postgresql
from tests.controlplane.io.postgresql_server import PostgresqlServer

_START_WITHIN = 30.0
_CONFIG = """
[databases]
* = host={server} user=postgres
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
server_idle_timeout = 5
logfile = {folder}/log
"""


def program() -> str | None:
    """Debian's, where it is installed; its service need not run."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class PgBouncer:
    """Runs until `stop`."""

    def __init__(self, path: str, server: PostgresqlServer) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="moorage-pb-", dir="/tmp"))
        config = self.folder / "pgbouncer.ini"
        config.write_text(_CONFIG.format(server=server.folder, folder=self.folder))
        self._process = subprocess.Popen([path, "-q", config], stderr=subprocess.DEVNULL, **self._identity())
        deadline = time.monotonic() + _START_WITHIN
        while not (self.folder / ".s.PGSQL.5432").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PgBouncer did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """At once, whoever is connected."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_START_WITHIN)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _identity(self) -> dict[str, Any]:
        """It refuses to run as root."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Bounced(Postgresql):
    """The same databases through PgBouncer."""

    name = "pgbouncer"

    def __init__(self, server: PostgresqlServer, bouncer: PgBouncer) -> None:
        super().__init__(server)
        self._bouncer = bouncer

    async def prepare(self, folder: Path) -> None:
        """A template may have no connections, and PgBouncer keeps its own for a while."""
        await super().prepare(folder)
        if self._template is not None:
            await self.cut(self._template)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._bouncer.folder}&pgbouncer=1"

    def close(self) -> None:
        """The server runs on."""
        self._bouncer.stop()
