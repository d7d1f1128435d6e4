"""The outermost layer of every request, as pure ASGI: request id, whole bounded body, headers, metrics, last resort.

The body is read before anything else runs, at most `body_bytes` of it and for at most `body_seconds`, whatever the
Content-Length says or does not say.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.io.metrics import Metrics
from controlplane.problems import CONTENT_TYPE, headers_of, problem, status_of
from moorage.errors import Code, MoorageError, error_for

EXCHANGE = "moorage.exchange"
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")

_log = structlog.get_logger("moorage.controlplane.http")


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as far as they concern every layer."""

    request_id: str
    method: str
    headers: dict[str, str] = field(default_factory=dict)  # to be added to the answer
    status: int = 0
    code: str = ""  # of a refusal

    @property
    def has_begun(self) -> bool:
        """Whether the answer's head is out."""
        return self.status != 0


class Gone(Exception):
    """The caller hung up while sending."""


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How much, how long."""

    size_bytes: int
    seconds: float


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, limit: BodyLimit, metrics: Metrics, new_id: Callable[[], str]) -> None:
        self._app = app
        self._limit = limit
        self._metrics = metrics
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Anything but HTTP goes on untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._request_id(scope), scope["method"])
        scope[EXCHANGE] = exchange
        began_at = perf_counter()
        try:
            with self._metrics.requests_under_way.track_inprogress():
                await self._answer(scope, receive, self._sender(exchange, send))
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method = exchange.method if exchange.method in _METHODS else "other"  # a caller may make up any word
            seconds = perf_counter() - began_at
            self._metrics.requests.labels(route, method, exchange.status).inc()
            self._metrics.request_seconds.labels(route, method).observe(seconds)
            _tell(exchange, method, route, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[EXCHANGE]
        try:
            body = await self._body(scope, receive)
            await self._app(scope, _replay(body, receive), send)
        except Gone:
            return
        except MoorageError as error:
            exchange.headers["connection"] = "close"  # the rest of the body is not read
            exchange.code = error.code.value
            await refuse(error, exchange, send)
            self._metrics.refusals.labels(error.code.value).inc()
        except Exception as error:
            _log.error("request_failed", request_id=exchange.request_id, path=scope["path"], exc_info=error)
            if not exchange.has_begun:
                await refuse(error_for(Code.INTERNAL, retry_after=1.0), exchange, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = _header(scope, b"content-length")
        if declared is not None and _header(scope, b"transfer-encoding") is not None:
            raise error_for(
                Code.BAD_REQUEST, "send Content-Length or Transfer-Encoding, not both"
            )  # RFC 9112 section 6.1
        if (
            declared is not None
            and declared.isdigit()
            and len(declared) < 20
            and int(declared) > self._limit.size_bytes
        ):
            raise self._too_large()
        try:
            async with asyncio.timeout(self._limit.seconds):
                return await self._read(receive)
        except TimeoutError as error:
            raise error_for(Code.BAD_REQUEST, f"the body was not complete after {self._limit.seconds:.0f} s") from error

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            body += message.get("body", b"")
            if len(body) > self._limit.size_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> MoorageError:
        return error_for(Code.BODY_TOO_LARGE, f"the body may have at most {self._limit.size_bytes} bytes")

    def _sender(self, exchange: Exchange, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                ours = {"x-request-id": exchange.request_id, **exchange.headers}
                added = [(name.encode(), value.encode("latin-1")) for name, value in ours.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return sending

    def _request_id(self, scope: Scope) -> str:
        given = _header(scope, b"x-request-id")
        return given.decode() if given is not None and _GIVEN_ID.fullmatch(given) else self._new_id()


def _tell(exchange: Exchange, method: str, route: str, seconds: float) -> None:
    """Refusals always, so that a request id somebody quotes is found; the rest to who looks closely. Routes, never ids."""
    tell = _log.info if exchange.status >= 400 else _log.debug
    tell(
        "request",
        request_id=exchange.request_id,
        method=method,
        route=route,
        status=exchange.status,
        code=exchange.code,
        ms=round(seconds * 1000, 1),
    )


async def refuse(error: MoorageError, exchange: Exchange, send: Send) -> None:
    """The whole answer of a refusal."""
    body = json.dumps(problem(error, exchange.request_id)).encode()
    headers = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), **headers_of(error)}
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": status_of(error.code),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_sent = False

    async def receiving() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
