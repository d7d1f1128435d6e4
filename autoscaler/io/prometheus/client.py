"""One query to every replica of Prometheus at once, within one deadline and a bounded number of bytes."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from autoscaler.promql import Fault, NoNumber, Number, Series, merged, read_instant, read_range, read_refusal

MAX_BYTES = 4 * 1024 * 1024  # 10,000 series of a careless query are less
AT_ONCE = 8  # connections to one replica
_SOCKET = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536),)
"""What came and was not asked for stays in memory until the collector runs, which here is seldom: 4 MB of each answer that is
too large, with the buffers that the system chooses. So they are small."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_USER = re.compile(r"//[^/]*@")


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
    """A setting cannot be used: its sentence names it, what it was and what it may be. Never what is secret in it."""


class _NoCredentials(Exception):
    """What lets us in cannot be read or sent now: a sentence with the file's name and nothing of what is in it."""


class Prometheus:
    """Opened once; may be asked by many at a time."""

    def __init__(self, access: Access) -> None:
        """Raises AccessError."""
        self._access = access
        self._bases = tuple(_base(url) for url in access.urls)
        trust, limits = _trust(access.ca_file), httpx.Limits(max_connections=AT_ONCE * max(1, len(access.urls)))

        def way(proxy: str | None) -> httpx.AsyncHTTPTransport:
            return httpx.AsyncHTTPTransport(verify=trust, limits=limits, proxy=proxy, socket_options=_SOCKET)

        self._client = httpx.AsyncClient(
            transport=way(None),
            mounts={place: way(proxy) for place, proxy in _proxies(self._bases).items()},
            timeout=access.timeout,
            follow_redirects=False,  # a redirect would take the credentials elsewhere
            headers={
                **_sendable(access.headers),
                "accept-encoding": "identity",
            },  # a bound on bytes must be one on memory
        )
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
        except _NoCredentials as error:
            return NoNumber(Fault.REFUSED, f"{where} was not asked: {error}")
        except (TimeoutError, httpx.TimeoutException):
            return NoNumber(Fault.TIMED_OUT, f"{where} did not answer within {self._access.timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            return NoNumber(Fault.UNREACHABLE, f"{where}: {str(error) or type(error).__name__}")
        if body is None:
            return NoNumber(Fault.TOO_LARGE, f"{where} answered with over {MAX_BYTES} bytes; aggregate the query")
        if response.headers.get("content-encoding", "").lower() not in ("", "identity"):
            return NoNumber(Fault.BROKEN, f"{where} answered compressed, which was not asked for: what is in between?")
        return body if response.status_code == httpx.codes.OK else read_refusal(response.status_code, body)

    def _credentials(self) -> dict[str, str]:
        """Raises _NoCredentials."""
        access = self._access
        if access.bearer_token_file is not None:
            token = _read(access.bearer_token_file)
            if not _TOKEN.fullmatch(token):
                raise _NoCredentials(f"{access.bearer_token_file} holds no token: one line of ASCII without spaces")
            return {"authorization": f"Bearer {token}"}
        if access.username:
            password = _read(access.password_file) if access.password_file else ""
            pair = b64encode(f"{access.username}:{password}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {}


def _proxies(bases: Iterable[str]) -> dict[str, str]:
    """Of the environment (HTTPS_PROXY, NO_PROXY): address of a Prometheus -> the proxy on the way to it."""
    known, found = getproxies(), {}
    for base in bases:
        parts = urlsplit(base)
        proxy = known.get(parts.scheme) or known.get("all")
        if proxy and not proxy_bypass(parts.netloc.rpartition("@")[2]):
            found[f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"] = proxy
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _NoCredentials(f"{file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _NoCredentials(f"{file} is no UTF-8 text") from error


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise AccessError(f"prometheus: header {name!r} may have a name and a value of printable ASCII")
    return dict(headers)


async def _bounded(response: httpx.Response) -> bytes | None:
    """None where it is too long."""
    parts, length = [], 0
    async for part in response.aiter_raw():
        length += len(part)
        if length > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _span(seconds: float) -> str:
    """In its own words: it reads no fractions."""
    return f"{max(1, round(seconds * 1000))}ms"


def _base(url: str) -> str:
    shown = repr(_USER.sub("//***@", url))
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is not closed
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise AccessError(f"prometheus: {shown} is no address; give one like http://prometheus:9090")
    with suppress(ValueError):
        _ = parts.port
        return url.rstrip("/")
    raise AccessError(f"prometheus: {shown} has no valid port")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # SSLError is one
        raise AccessError(f"prometheus: {ca_file} holds no certificates: {error}") from error
