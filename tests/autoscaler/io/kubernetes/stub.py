"""A small API server on loopback that says what a test tells it to: real HTTP, and as slow, broken or busy as wanted.

async with Stub() as stub:
    stub.on("GET", "/api/v1/namespaces/n/pods", pages)
    await stub.api.get("/api/v1/namespaces/n/pods")
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from prometheus_client import CollectorRegistry

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.metrics import KubernetesMetrics

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALL_SECONDS = 1.0


async def until(what: Callable[[], object], seconds: float = 15.0) -> None:
    """It comes true."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - what a server has seen has no event
            await asyncio.sleep(0.005)


class Stub:
    """Use as a context manager. What nobody told it of is 404."""

    def __init__(self) -> None:
        self.metrics = KubernetesMetrics(CollectorRegistry())
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.opened = 0
        self.is_hanging = False
        self._answers: dict[tuple[str, str], Answer] = {}
        self._over = asyncio.Event()
        self.api = Api(self._client, self.metrics, call_seconds=CALL_SECONDS)

    async def __aenter__(self) -> Stub:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._dispatch)
        self._runner = web.AppRunner(application, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *said: object) -> None:
        self._over.set()
        await self.api.close()
        await self._runner.cleanup()

    def on(self, verb: str, path: str, answer: Answer) -> None:
        """From now on."""
        self._answers[verb, path] = answer

    def says(self, verb: str, path: str, document: dict[str, Any], status: int = 200, **headers: str) -> None:
        """Always the same."""

        async def answer(request: web.Request) -> web.Response:
            return web.json_response(document, status=status, headers=headers)

        self.on(verb, path, answer)

    def refuses(self, verb: str, path: str, status: int, message: str = "no", **headers: str) -> None:
        """With a Status object, as the API server does. Headers with _ for -."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self.says(verb, path, {"kind": "Status", "code": status, "message": message}, status, **said)

    async def hang(self, request: web.Request) -> web.Response:
        """No answer before the test ends."""
        await self._over.wait()
        return web.Response(status=500)

    def count(self, verb: str, path: str) -> int:
        """How often it was asked."""
        return sum((verb, path) == asked[:2] for asked in self.seen)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append((request.method, request.path, dict(request.query), json.loads(body) if body else None))
        if self.is_hanging:
            return await self.hang(request)
        answer = self._answers.get((request.method, request.path))
        if answer is None:
            return web.json_response({"kind": "Status", "code": 404, "message": "not found"}, status=404)
        return await answer(request)

    async def _client(self) -> ApiClient:
        self.opened += 1
        configuration = Configuration(host=f"http://127.0.0.1:{self.port}")
        configuration.retries = None
        return ApiClient(configuration)


class Watch:
    """The pods of a namespace: lists in pages of two, and watches that say what `tell` says."""

    def __init__(self, stub: Stub, path: str) -> None:
        self._stub = stub
        self.pods: list[dict[str, Any]] = []
        self.version = 100
        self.watches: list[dict[str, str]] = []
        self.lists = 0
        self.expires_pages = 0
        self.first_words: list[dict[str, Any]] = []  # of the next watch, which then ends
        self._lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        stub.on("GET", path, self._answer)

    def tell(self, kind: str, document: dict[str, Any]) -> None:
        """One event to whoever watches."""
        self._lines.put_nowait({"type": kind, "object": document})

    def end(self) -> None:
        """The server ends the watch, as it does after timeoutSeconds."""
        self._lines.put_nowait(None)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request)
        begin = int(request.query.get("continue", "0"))
        if begin and self.expires_pages:
            self.expires_pages -= 1
            return web.json_response({"code": 410, "message": "the page expired"}, status=410)
        self.lists += begin == 0
        page, more = self.pods[begin : begin + 2], begin + 2 < len(self.pods)
        meta = {"resourceVersion": str(self.version)} | ({"continue": str(begin + 2)} if more else {})
        return web.json_response({"metadata": meta, "items": page})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches.append(dict(request.query))
        response = web.StreamResponse()
        await response.prepare(request)
        words, self.first_words = self.first_words, []
        for word in words:
            await response.write(json.dumps(word).encode() + b"\n")
        while not words:
            line = asyncio.ensure_future(self._lines.get())
            over = asyncio.ensure_future(self._stub._over.wait())
            await asyncio.wait({line, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if not line.done() or line.result() is None:
                line.cancel()
                break
            await response.write(json.dumps(line.result()).encode() + b"\n")
        return response
