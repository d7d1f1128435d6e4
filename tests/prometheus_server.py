"""A real Prometheus for a test: private folder, free port, stopped when the test ends. It is Debian's package `prometheus`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from tests.redis_server import free_port

START_SECONDS = 30.0
STOP_SECONDS = 10.0


def prometheus_program() -> str:
    """Skips the test on a laptop without it; fails it in CI."""
    program = shutil.which("prometheus")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("CI has no prometheus: .ci/run installs Debian's package")
    if program is None:
        pytest.skip("needs prometheus: apt-get install prometheus")
    return program


class PrometheusServer:
    """`targets` are host:port pairs with a /metrics, scraped every second. `labels` are those of each target, `rules` a file of
    rules that are evaluated as often."""

    def __init__(
        self,
        folder: Path,
        targets: tuple[str, ...],
        *,
        scrape_seconds: int = 1,
        labels: Mapping[str, Mapping[str, str]] | None = None,
        rules: Path | None = None,
    ) -> None:
        self.port = free_port()
        self._program = prometheus_program()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._config = folder / "prometheus.yml"
        named = [{"targets": [target], "labels": dict((labels or {}).get(target, {}))} for target in targets]
        self._config.write_text(_config(named, scrape_seconds, [str(rules)] if rules else []))

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> PrometheusServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Returns when it answers queries."""
        with (self._folder / "prometheus.log").open("ab") as logs:
            self._process = await asyncio.create_subprocess_exec(
                self._program,
                f"--config.file={self._config}",
                f"--storage.tsdb.path={self._folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                stdout=logs,
                stderr=logs,
            )
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
            while not await self._is_ready(client):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Like a power cut."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        self._process = None

    def forget(self) -> None:
        """Its database is empty at the next start."""
        shutil.rmtree(self._folder / "tsdb", ignore_errors=True)

    def pause(self) -> None:
        """It answers nothing, and keeps its connections."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise RuntimeError((self._folder / "prometheus.log").read_text()[-2000:])
        try:
            return (await client.get(f"{self.url}/-/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def _config(targets: list[dict[str, Any]], seconds: int, rules: list[str]) -> str:
    every = {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s", "evaluation_interval": f"{seconds}s"}
    jobs = [{"job_name": "moorage", "static_configs": targets}]
    return json.dumps({"global": every, "rule_files": rules, "scrape_configs": jobs})  # JSON is YAML
