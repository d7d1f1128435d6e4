"""One API server, as JSON: calls with a deadline each, a stream of lines, and the server's Retry-After kept for everybody.

It knows no kind of object. Nothing is repeated here: whoever asks knows whether asking again is right.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from autoscaler.io.kubernetes.credentials import NoCredentials
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import Refused, Unreachable

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientTimeout
    from kubernetes.aio.client.api_client import ApiClient

CALL_SECONDS = 5.0  # autoscaler.leases.Terms counts on it
BODY_AT_MOST = 32 << 20  # bytes of one answer
RETRY_AFTER_AT_MOST = 60.0  # a longer one would outlast every freeze
_CREDENTIALS_EVERY = 30.0  # a token that was refused is read anew at most so often
_log = structlog.get_logger("moorage.autoscaler")

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

Document = dict[str, Any]
Open = Callable[[], Awaitable["ApiClient"]]


class Api:
    """Owns the client. All calls raise Refused or Unreachable."""

    def __init__(self, open_client: Open, metrics: KubernetesMetrics, *, call_seconds: float = CALL_SECONDS) -> None:
        self._open = open_client
        self._call_seconds = call_seconds
        self._metrics = metrics
        self._client: ApiClient | None = None
        self._opening = asyncio.Lock()
        self._not_before = 0.0
        self._is_closed = False
        self._credentials_at = float("-inf")

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """The object, or a page of a list."""
        return await self._call("GET", path, query=query)

    async def post(self, path: str, body: Document) -> Document:
        """Creates."""
        return await self._call("POST", path, body=body)

    async def put(self, path: str, body: Document) -> Document:
        """Replaces; a compare-and-swap where the body has a resourceVersion."""
        return await self._call("PUT", path, body=body)

    async def patch(self, path: str, body: Document | list[Document]) -> Document:
        """A list is a JSON Patch, a mapping a merge patch."""
        return await self._call("PATCH", path, body=body)

    async def delete(self, path: str, body: Document) -> Document:
        """`body`: DeleteOptions."""
        return await self._call("DELETE", path, body=body)

    @asynccontextmanager
    async def lines(
        self, path: str, query: Mapping[str, str], *, silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """A watch's lines, until the server ends it. No line for `silence` seconds is Unreachable."""
        async with self._answer("GET", path, query, None, _timeout(silence)) as answer:
            yield _lines_of(answer)

    async def close(self) -> None:
        """Closes every connection; a call that comes later is Unreachable."""
        self._is_closed = True
        await self._drop_client()

    async def _call(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Document | list[Document] | None = None,
    ) -> Document:
        try:
            async with (
                asyncio.timeout(self._call_seconds),
                self._answer(verb, path, query or {}, body, _timeout(self._call_seconds)) as answer,
            ):
                return _document(await _body(answer))
        except TimeoutError as error:
            self._metrics.calls.labels(verb, "unreachable").inc()
            raise Unreachable(f"{verb} {path} took longer than {self._call_seconds:g} s") from error

    @asynccontextmanager
    async def _answer(
        self, verb: str, path: str, query: Mapping[str, str], body: Any, timeout: ClientTimeout
    ) -> AsyncIterator[ClientResponse]:
        """A response with a status of success, whose body is still to be read."""
        from aiohttp import ClientError

        self._check_gate(verb)
        try:
            response = await self._send(verb, path, query, body, timeout)
        except (ClientError, OSError) as error:
            self._metrics.calls.labels(verb, "unreachable").inc()
            raise Unreachable(f"{verb} {path}: {type(error).__name__} {error}"[:300]) from error
        try:
            self._metrics.calls.labels(verb, str(response.status)).inc()
            if response.status >= 300:
                raise await self._refusal(response)
            yield response
        except (ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Unreachable(f"{verb} {path}: {type(error).__name__} {error}"[:300]) from error
        finally:
            response.close() if not response.content.at_eof() else response.release()

    async def _send(
        self, verb: str, path: str, query: Mapping[str, str], body: Any, timeout: ClientTimeout
    ) -> ClientResponse:
        try:
            client = await self.connect()
        except NoCredentials as error:
            raise Unreachable(str(error)) from error
        patch_type = JSON_PATCH if isinstance(body, list) else MERGE_PATCH
        headers = {"Accept": JSON, "Content-Type": patch_type if verb == "PATCH" else JSON}
        serialized = await client.param_serialize(
            verb,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answered = await client.call_api(*serialized, _request_timeout=timeout)
        response: ClientResponse = answered.response
        return response

    async def _refusal(self, response: ClientResponse) -> Refused:
        try:
            said = _document(await _body(response))
        except Unreachable:
            said = {}
        message = str(said.get("message") or response.reason or "")[:300]
        retry_after = _retry_after(response.headers.get("Retry-After"))
        if retry_after is not None and response.status in (429, 503):
            self._not_before = asyncio.get_running_loop().time() + retry_after
        if response.status == 401:
            await self._forget_credentials()
        return Refused(response.status, message, retry_after)

    def _check_gate(self, verb: str) -> None:
        left = self._not_before - asyncio.get_running_loop().time()
        if left > 0:
            self._metrics.calls.labels(verb, "withheld").inc()
            raise Refused(429, "the API server asked for a pause", left)

    async def connect(self) -> ApiClient:
        """Reads the credentials, where they are not read yet; opens no connection. Raises NoCredentials, Unreachable."""
        async with self._opening:
            if self._is_closed:
                raise Unreachable("the way to the API server is closed")
            if self._client is None:
                self._client = await self._open()
                self._credentials_at = asyncio.get_running_loop().time()
            return self._client

    async def _forget_credentials(self) -> None:
        """Tokens of kubeconfigs expire: the next call reads them anew."""
        if asyncio.get_running_loop().time() - self._credentials_at > _CREDENTIALS_EVERY:
            _log.info("kubernetes_credentials_read_anew")
            await self._drop_client()

    async def _drop_client(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


def _timeout(seconds: float) -> ClientTimeout:
    """Between two pieces of an answer. A whole call is bounded by its caller."""
    from aiohttp import ClientTimeout

    return ClientTimeout(total=None, sock_connect=min(seconds, CALL_SECONDS), sock_read=seconds)


async def _body(response: ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > BODY_AT_MOST:
            raise Unreachable(f"an answer of more than {BODY_AT_MOST} bytes")
    return b"".join(pieces)


async def _lines_of(response: ClientResponse) -> AsyncIterator[bytes]:
    from aiohttp import ClientError

    try:
        async for line in response.content:
            yield line
    except (ClientError, OSError, ValueError) as error:  # ValueError: a line longer than the read buffer
        raise Unreachable(f"watch: {type(error).__name__} {error}"[:300]) from error


def _document(body: bytes) -> Document:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Unreachable(f"an answer that is no JSON: {body[:60]!r}") from error
    if not isinstance(said, dict):
        raise Unreachable(f"an answer that is no object: {body[:60]!r}")
    return said


def _retry_after(said: str | None) -> float | None:
    """Kubernetes says whole seconds, never a date."""
    if said is None or not said.isdecimal() or not said.isascii():
        return None
    return min(float(said[:9]), RETRY_AFTER_AT_MOST)
