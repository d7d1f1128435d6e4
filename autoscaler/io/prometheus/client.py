"""One query to every replica of Prometheus at once, within one deadline and a bounded number of bytes."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from autoscaler.promql import Fault, NoNumber, Number, Series, merged, read_instant, read_range, read_refusal

MAX_BYTES = 4 * 1024 * 1024  # 10,000 series of a careless query are less
AT_ONCE = 8  # connections to one replica


@dataclass(frozen=True, slots=True)
class Access:
    """Where Prometheus is and what lets us in. Files are read at each query: a rotated token needs no restart."""

    urls: tuple[
        str, ...
    ]  # replicas that scrape the same targets; a path in them is kept (/prometheus, /select/0/prometheus)
    timeout: float = 5.0  # of one query, from the connection to the last byte
    bearer_token_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None  # PEM, instead of the system's
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # as X-Scope-OrgID


class AccessError(Exception):
    """A setting cannot be used: its sentence names it, what it was and what it may be."""


class Prometheus:
    """Opened once; may be asked by many at a time."""

    def __init__(self, access: Access) -> None:
        """Raises AccessError."""
        self._access = access
        self._client = httpx.AsyncClient(
            verify=_trust(access.ca_file),
            timeout=access.timeout,
            limits=httpx.Limits(max_connections=AT_ONCE * max(1, len(access.urls))),
            follow_redirects=False,  # a redirect would take the credentials elsewhere
            headers=dict(access.headers),
        )
        self._bases = tuple(_base(url) for url in access.urls)
        if access.username and access.bearer_token_file:
            raise AccessError("prometheus: give a user and password, or a bearer token, not both")

    async def __aenter__(self) -> Prometheus:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives the connections back."""
        await self._client.aclose()

    async def instant(self, query: str, *, lookback: float, stale_after: float) -> Number | NoNumber:
        """The number that a query gives now. Samples older than `lookback` seconds count as none (Prometheus' own default
        is 300): a target that vanished must not pass for one that stands still."""
        asked = {"query": query, "timeout": _span(self._access.timeout), "lookback_delta": _span(lookback)}
        answers = await asyncio.gather(*(self._number(base, asked) for base in self._bases))
        return merged(answers, stale_after)

    async def range(self, query: str, start: float, end: float, step: float) -> Series | NoNumber:
        """The fullest of the replicas' series from `start` to `end`, Unix seconds of their clock."""
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        answers = await asyncio.gather(*(self._series(base, asked) for base in self._bases))
        found = [answer for answer in answers if isinstance(answer, Series)]
        if found:
            return max(found, key=lambda series: len(series.points))
        refused = merged([answer for answer in answers if isinstance(answer, NoNumber)], 0.0)
        assert isinstance(refused, NoNumber)
        return refused

    async def _number(self, base: str, asked: Mapping[str, str]) -> Number | NoNumber:
        said = await self._ask(f"{base}/api/v1/query", asked)
        return said if isinstance(said, NoNumber) else read_instant(said)

    async def _series(self, base: str, asked: Mapping[str, str]) -> Series | NoNumber:
        said = await self._ask(f"{base}/api/v1/query_range", asked)
        return said if isinstance(said, NoNumber) else read_range(said)

    async def _ask(self, url: str, asked: Mapping[str, str]) -> bytes | NoNumber:
        """The body of a 200. A POST, since a query may be longer than a URL may."""
        where = urlsplit(url).netloc.rpartition("@")[2]
        try:
            async with asyncio.timeout(self._access.timeout):
                request = self._client.build_request("POST", url, data=dict(asked), headers=self._credentials())
                response = await self._client.send(request, stream=True)
                try:
                    body = await _bounded(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            return NoNumber(Fault.TIMED_OUT, f"{where} did not answer within {self._access.timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return NoNumber(Fault.UNREACHABLE, f"{where}: {str(error) or type(error).__name__}")
        if body is None:
            return NoNumber(Fault.TOO_LARGE, f"{where} answered with over {MAX_BYTES} bytes; aggregate the query")
        return body if response.status_code == httpx.codes.OK else read_refusal(response.status_code, body)

    def _credentials(self) -> dict[str, str]:
        """Raises OSError where a file is gone."""
        access = self._access
        if access.bearer_token_file is not None:
            return {"authorization": f"Bearer {access.bearer_token_file.read_text().strip()}"}
        if access.username:
            password = access.password_file.read_text().strip() if access.password_file else ""
            pair = b64encode(f"{access.username}:{password}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {}


async def _bounded(response: httpx.Response) -> bytes | None:
    """None where it is too long."""
    parts, length = [], 0
    async for part in response.aiter_bytes():
        length += len(part)
        if length > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _span(seconds: float) -> str:
    """In its own words: it reads no fractions."""
    return f"{max(1, round(seconds * 1000))}ms"


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AccessError(f"prometheus: {url!r} is no address; give one like http://prometheus:9090")
    with suppress(ValueError):
        _ = parts.port
        return url.rstrip("/")
    raise AccessError(f"prometheus: {url!r} has no valid port")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # SSLError is one
        raise AccessError(f"prometheus: {ca_file} holds no certificates: {error}") from error
