"""Standing for election at a small API server that keeps one Lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from autoscaler.io.kubernetes.election import LeaseLeader
from autoscaler.leases import Terms
from tests.autoscaler.io.kubernetes.stub import Stub, until

PATH = "/apis/coordination.k8s.io/v1/namespaces/prod/leases"
QUICK = Terms(duration=2.0, renew_deadline=1.2, retry=0.1, write_seconds=0.6)


class Leases:
    """Creates, reads and replaces one, as the API server does."""

    def __init__(self, stub: Stub) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        stub.on("POST", PATH, self._create)
        stub.on("GET", f"{PATH}/office", self._read)
        stub.on("PUT", f"{PATH}/office", self._replace)

    @property
    def holder(self) -> str | None:
        return None if self.lease is None else str(self.lease["spec"]["holderIdentity"])

    def set(self, lease: dict[str, Any]) -> web.Response:
        self.version += 1
        self.lease = lease | {"metadata": {"name": "office", "resourceVersion": str(self.version)}}
        return web.json_response(self.lease)

    async def _create(self, request: web.Request) -> web.Response:
        if self.lease is not None:
            return web.json_response({"code": 409, "message": "exists"}, status=409)
        return self.set(await request.json())

    async def _read(self, request: web.Request) -> web.Response:
        if self.lease is None:
            return web.json_response({"code": 404, "message": "none"}, status=404)
        return web.json_response(self.lease)

    async def _replace(self, request: web.Request) -> web.Response:
        said = await request.json()
        if self.lease is None or said["metadata"]["resourceVersion"] != str(self.version):
            return web.json_response({"code": 409, "message": "changed"}, status=409)
        return self.set(said)


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as found:
        yield found


@asynccontextmanager
async def a_candidate(stub: Stub) -> AsyncIterator[LeaseLeader]:
    leader = LeaseLeader(stub.api, stub.metrics, namespace="prod", name="office", terms=QUICK)
    running = asyncio.create_task(leader.run())
    try:
        yield leader
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_first_candidate_makes_the_lease_and_the_second_waits(stub: Stub) -> None:
    leases = Leases(stub)
    async with a_candidate(stub) as first:
        await until(lambda: first.is_leading)
        async with a_candidate(stub) as second:
            await until(lambda: "leads" in second.detail)

            assert leases.holder == first.identity
            assert second.detail == f"{first.identity} leads"
            assert not second.is_leading


async def test_who_leaves_gives_the_lease_back_and_the_next_one_need_not_wait(stub: Stub) -> None:
    leases = Leases(stub)
    async with a_candidate(stub) as first:
        await until(lambda: first.is_leading)
    assert leases.holder == ""
    assert not first.is_leading

    async with a_candidate(stub) as second:
        await until(lambda: second.is_leading)

    assert leases.lease is not None
    assert leases.lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_stops_by_its_own_clock_while_the_server_hangs_and_leads_again_after(stub: Stub) -> None:
    Leases(stub)
    async with a_candidate(stub) as leader:
        await until(lambda: leader.is_leading)
        hung_at = asyncio.get_running_loop().time()
        stub.is_hanging = True

        await until(lambda: not leader.is_leading)

        assert asyncio.get_running_loop().time() - hung_at < QUICK.renew_deadline + 1.0
        stub.is_hanging = False
        await until(lambda: leader.is_leading)


async def test_a_lease_that_nobody_renews_is_taken_after_its_duration(stub: Stub) -> None:
    leases = Leases(stub)
    leases.set({"spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2099-01-01T00:00:00.0Z"}})
    async with a_candidate(stub) as leader:
        began = asyncio.get_running_loop().time()

        await until(lambda: leader.is_leading)

        assert asyncio.get_running_loop().time() - began >= 1.0


async def test_a_leader_whose_lease_was_taken_follows(stub: Stub) -> None:
    leases = Leases(stub)
    async with a_candidate(stub) as leader:
        await until(lambda: leader.is_leading)

        leases.set({"spec": {"holderIdentity": "usurper", "leaseDurationSeconds": 60}})

        await until(lambda: not leader.is_leading)
        await until(lambda: leader.detail == "usurper leads")
        assert stub.metrics.conflicts.labels("lease")._value.get() == 1


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_a_server_that_refuses_makes_nobody_lead_and_says_why(stub: Stub, status: int) -> None:
    stub.refuses("GET", f"{PATH}/office", status, "cannot get leases")
    async with a_candidate(stub) as leader:
        await until(lambda: "cannot get leases" in leader.detail)

        assert not leader.is_leading
