"""The asking, against a small API server that says what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation import looking
from moorage.cli.installation.looking import KINDS, Place, examine, look
from moorage.cli.rest import Endpoint
from tests.autoscaler.io.kubernetes.stub import Stub
from tests.moorage.cli.installation.builders import a_deployment, a_pod, a_replica_set, waiting

POOL = "m-moorage-pool-gpu"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Stub]:
    """A new enough one, with nothing in it."""
    async with Stub() as stub:
        stub.says("GET", "/version", {"major": "1", "minor": "33"})
        for plural in KINDS:
            stub.says("GET", path(plural), {"items": []})
        yield stub


def path(plural: str, more: str = "") -> str:
    return f"{KINDS[plural][0]}/namespaces/prod/{plural}{more}"


async def seen(stub: Stub, registry: Endpoint | None = None) -> dict[str, Finding]:
    """The worst finding of each subject."""
    grades = list(Grade)
    found = await examine(stub.api, Place("prod"), registry)
    return {each.subject: each for each in sorted(found, key=lambda each: grades.index(each.grade))}


async def test_a_crash_is_explained_by_the_log_of_the_life_before(server: Stub) -> None:
    stuck = waiting("CrashLoopBackOff", restartCount=2, lastState={"terminated": {"exitCode": 1}})
    pod = a_pod("m-moorage-controlplane", **stuck)
    server.says("GET", path("deployments"), {"items": [a_deployment("controlplane", ready=0)]})
    server.says("GET", path("replicasets"), {"items": [a_replica_set("m-moorage-controlplane")]})
    server.says("GET", path("pods"), {"items": [pod]})
    server.on(
        "GET", path("pods", f"/{pod['metadata']['name']}/log"), said("Error: the database cannot be reached: no host\n")
    )

    found = await seen(server)

    assert "its database cannot be used: the database cannot be reached: no host" in found["controlplane"].sentence
    [query] = [query for _, asked, query, _ in server.seen if asked.endswith("/log")]
    assert (query["previous"], query["container"], query["tailLines"]) == ("true", "main", "40")


async def test_workers_that_run_and_are_not_in_the_registry_are_explained_by_their_logs(server: Stub) -> None:
    pod = a_pod(POOL, ready=True)
    server.says("GET", path("deployments"), {"items": [a_deployment("worker", name=POOL)]})
    server.says("GET", path("replicasets"), {"items": [a_replica_set(POOL)]})
    server.says("GET", path("pods"), {"items": [pod]})
    server.on(
        "GET", path("pods", f"/{pod['metadata']['name']}/log"), said("x refused this worker: no such join key (X)\n")
    )
    server.says("GET", "/api/v1/workers", {"workers": [], "total": 0})

    found = await seen(server, Endpoint(f"http://127.0.0.1:{server.port}", "ak_x", None, Path()))

    assert found["workers of gpu"].grade is Grade.FAIL
    assert "no gateway knows its join key" in found["workers of gpu"].sentence


async def test_a_registry_that_does_not_answer_is_said(server: Stub) -> None:
    server.says("GET", path("deployments"), {"items": [a_deployment()]})

    found = await seen(server, Endpoint("http://127.0.0.1:1", "ak_x", None, Path()))

    assert "the registry could not be asked" in found["workers"].sentence


async def test_lists_come_in_pages(server: Stub) -> None:
    async def pages(request: web.Request) -> web.Response:
        is_second = "continue" in request.query
        name = "controlplane" if is_second else "gateway"
        meta = {} if is_second else {"continue": "more"}
        return web.json_response({"items": [a_deployment(name)], "metadata": meta})

    server.on("GET", path("deployments"), pages)

    assert "m in namespace prod has controlplane, gateway" in (await seen(server))["release"].sentence


async def test_of_several_releases_one_has_to_be_chosen(server: Stub) -> None:
    other = a_deployment()
    other["metadata"]["labels"]["app.kubernetes.io/instance"] = "n"
    server.says("GET", path("deployments"), {"items": [a_deployment(), other]})

    assert "has several: m, n" in (await seen(server))["release"].sentence


async def test_what_is_refused_and_what_hangs_is_left_out_and_said(server: Stub) -> None:
    server.says("GET", path("deployments"), {"items": [a_deployment()]})
    server.refuses("GET", path("events"), 403, 'events is forbidden: User "bob" cannot list resource "events"')
    server.on("GET", path("services"), server.hang)

    found = [each for each in await examine(server.api, Place("prod")) if each.subject == "not looked at"]

    assert {each.sentence for each in found} == {
        "could not look at events: bob may not read them",
        "could not look at services: no answer in time",
    }


@pytest.mark.parametrize(("status", "words"), [(401, "does not know these credentials"), (503, "it answers 503")])
async def test_a_server_that_refuses_ends_the_look(server: Stub, status: int, words: str) -> None:
    server.refuses("GET", "/version", status, "no")

    [found] = await examine(server.api, Place("prod"))

    assert (found.grade, words in found.sentence) == (Grade.FAIL, True)


async def test_a_server_that_hangs_ends_the_look(server: Stub) -> None:
    server.on("GET", "/version", server.hang)

    [found] = await examine(server.api, Place("prod"))

    assert "it does not answer" in found.sentence


def test_a_kubeconfig_of_a_dead_server_is_unreachable(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n"
    )

    [dead] = look(Place("prod"), config, None)
    [unknown] = look(Place("prod"), config, "nope")

    assert "it does not answer" in dead.sentence
    assert "no way to a Kubernetes API server" in unknown.sentence


def said(text: str) -> Any:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text)

    return answer


def test_every_kind_is_read_once() -> None:
    assert len(KINDS) == len(set(KINDS)) > 10
    assert looking.PAGE * looking.PAGES >= 10_000  # what one namespace of a large fleet may hold
