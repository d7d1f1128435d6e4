"""Clients of other makes: aiohttp, and Node's `ws` with and without compression, plain and over TLS."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.policy import GatewayPolicy
from scheduler.values import Outcome
from tests.builders import an_authority
from tests.deadlines import PROGRAM
from tests.flows.system import System, until

NODE = Path(__file__).parents[1] / "node"
SECONDS = 60.0


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where Node's packages are, installed once per lock file outside of the tree."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        if os.environ.get("CI"):
            pytest.fail("Node and npm must be there under CI: the tests talk to Node's ws")
        pytest.skip("no Node on this machine: clients of Node's ws are not tested")
    lock = (NODE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage-tests"
    folder = cache / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)  # both halves of the tests may come here at once
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(NODE / name, folder / name)
            subprocess.run([npm, "ci", "--silent"], cwd=folder, check=True, timeout=PROGRAM)
            (folder / "installed").touch()
    return folder


async def talked(node_modules: Path, system: System, **plan: Any) -> dict[str, Any]:
    """What Node saw."""
    said = {
        "modules": str(node_modules),
        "url": system.url("/node"),
        "protocols": [],
        "deflate": False,
        "headers": {"Authorization": f"Bearer {system.token()}"},
        "sizes": [0, 1, 125, 126, 65_535, 65_536, 300_000],
        "seconds": SECONDS,
        **plan,
    }
    running = await asyncio.create_subprocess_exec(
        "node", str(NODE / "client.mjs"), json.dumps(said), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(running.communicate(), SECONDS + 5)
    seen: dict[str, Any] = json.loads(out)
    return seen


@pytest.mark.parametrize("deflate", [False, True])
async def test_node_converses(node_modules: Path, wire: str, deflate: bool) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(compression="deflate")

        seen = await talked(node_modules, system, deflate=deflate)
        record = await system.settled(0, Outcome.COMPLETED)

    assert [size for size, _ in seen["heard"]] == [0, 1, 125, 126, 65_535, 65_536, 300_000]
    assert [is_binary for _, is_binary in seen["heard"]] == [False, True] * 3 + [False]
    assert seen["pong"] is True
    assert seen["closed"] == [4321, "done"]
    assert ("permessage-deflate" in seen["extensions"]) is deflate
    assert (record.usage.bytes_in < 10_000) is deflate
    assert worker.connections[0].close_code == 4321


async def test_node_converses_over_tls(node_modules: Path, wire: str, tmp_path: Path) -> None:
    authority = an_authority(tmp_path)
    async with System(GatewayPolicy(wire=wire, tls=authority.files)) as system:
        await system.worker(compression="deflate")
        url = system.url().replace("127.0.0.1", "localhost")

        seen = await talked(node_modules, system, url=url, ca=authority.pem.decode(), deflate=True)

    assert len(seen["heard"]) == 7
    assert seen["closed"] == [4321, "done"]


async def test_node_offers_its_token_as_a_subprotocol(node_modules: Path, system: System) -> None:
    await system.worker()

    seen = await talked(node_modules, system, headers={}, protocols=["moorage.v1", f"moorage.token.{system.token()}"])

    assert seen["protocol"] == "moorage.v1"
    assert seen["closed"] == [4321, "done"]


async def test_node_reads_refusals_in_both_forms(node_modules: Path, system: System) -> None:
    http = await talked(node_modules, system)
    close = await talked(
        node_modules, system, headers={"Authorization": f"Bearer {system.token()}", "Origin": "https://a.example"}
    )

    assert http["status"] == 503
    assert close["closed"][0] == 4503
    assert json.loads(close["closed"][1])["code"] == "NO_CAPACITY"


@pytest.mark.parametrize("compress", [0, 15])
async def test_aiohttp_converses(wire: str, compress: int) -> None:
    async with System(GatewayPolicy(wire=wire)) as system:
        worker = await system.worker(compression="deflate")
        headers = {"Authorization": f"Bearer {system.token()}"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(system.url(), headers=headers, protocols=("a", "b"), compress=compress) as client,
        ):
            for size in (0, 125, 126, 65_536, 300_000):
                await client.send_bytes(b"x" * size)
                assert await client.receive_bytes(timeout=SECONDS) == b"x" * size
            await client.ping()
            await client.send_str("last")
            last = await client.receive_str(timeout=SECONDS)
            await client.close(code=4000, message=b"bye")
        await until(lambda: worker.connections[0].close_code)

    assert last == "last"
    assert (worker.connections[0].close_code, worker.connections[0].close_reason) == (4000, "bye")


async def test_aiohttp_reads_refusals_in_both_forms(system: System) -> None:
    headers = {"Authorization": f"Bearer {system.token()}"}
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(system.url(), headers=headers)
        async with session.ws_connect(system.url(), headers=headers, origin="https://a.example") as client:
            closing = await client.receive(timeout=SECONDS)

    assert refused.value.status == 503
    assert closing.type is aiohttp.WSMsgType.CLOSE
    assert closing.data == 4503
    assert json.loads(closing.extra or "")["code"] == "NO_CAPACITY"


async def test_a_plain_get_reads_a_problem_document(system: System) -> None:
    async with aiohttp.ClientSession() as session, session.get(system.url().replace("ws:", "http:")) as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 426
    assert problem["code"] == "BAD_REQUEST"
