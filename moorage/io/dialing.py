"""One try to open a client's WebSocket, with every failure as a typed error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLCertVerificationError, SSLContext
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from moorage.endings import at_client, from_status, is_normal
from moorage.errors import Code, Refused, error_for
from moorage.io.succession import closed_of
from moorage.io.wire_log import WIRE_LOG

SUBPROTOCOL = "moorage.v1"
CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where and how to connect. Times in seconds."""

    url: str
    gateways: tuple[str, ...] = ()  # others that know the session, ws(s)://host:port; path and query are the url's
    ssl: SSLContext | None = None
    subprotocols: tuple[str, ...] = ()  # of your own, before moorage.v1
    headers: Mapping[str, str] = field(default_factory=dict)
    open_seconds: float = 45.0  # one try, with its stay in the admission queue
    ping_seconds: float | None = 20.0
    max_size: int = 1 << 20
    max_queue: int = 16
    compression: str | None = None
    proxy: str | None = None

    def __post_init__(self) -> None:
        for url in (self.url, *self.gateways):
            if urlsplit(url).scheme not in ("ws", "wss"):
                raise ValueError(f"a session's url is ws:// or wss://, not {url[:80]!r}")

    def urls(self) -> list[str]:
        """The session's url at every gateway, its own first."""
        own = urlsplit(self.url)
        others = [urlsplit(gateway) for gateway in self.gateways]
        return [self.url, *(urlunsplit(own._replace(scheme=one.scheme, netloc=one.netloc)) for one in others)]


async def open_socket(address: Address, url: str, token: str) -> ClientConnection:
    """An open WebSocket at one of the address's urls. Raises MoorageError: refused by status or by a close right after the
    101, or not reached."""
    try:
        async with asyncio.timeout(address.open_seconds):
            socket = await _opened(address, url, token)
    except InvalidStatus as refusal:
        answer = refusal.response
        raise from_status(answer.status_code, bytes(answer.body), answer.headers.get("Retry-After")) from None
    except SSLCertVerificationError as error:
        raise Refused(
            Code.WEBSOCKET_CONNECTION_FAILED, f"the certificate is not trusted: {error.verify_message}"
        ) from error
    except (OSError, TimeoutError, EOFError, WebSocketException) as error:
        raise error_for(Code.WEBSOCKET_CONNECTION_FAILED, _why(url, error)) from error
    await _refused_at_once(socket)
    return socket


async def _opened(address: Address, url: str, token: str) -> ClientConnection:
    is_secure = urlsplit(url).scheme == "wss"
    return await open_websocket(
        url,
        subprotocols=[Subprotocol(each) for each in (*address.subprotocols, SUBPROTOCOL)],
        additional_headers={**address.headers, "Authorization": f"Bearer {token}"},
        ssl=(address.ssl or True) if is_secure else None,
        proxy=address.proxy,
        compression=address.compression,
        open_timeout=None,
        close_timeout=CLOSE_SECONDS,
        ping_interval=address.ping_seconds,
        ping_timeout=address.ping_seconds,
        max_size=address.max_size,
        max_queue=address.max_queue,
        logger=WIRE_LOG,
    )


async def _refused_at_once(socket: ClientConnection) -> None:
    """A gateway that refuses with a typed code accepts and closes in one breath: both are here when the handshake returns.
    A worker that had something to say before it closed is no refusal."""
    if socket.state is State.OPEN or len(socket.recv_messages.frames):
        return
    await socket.wait_closed()
    closed = closed_of(socket)
    if not is_normal(closed):
        raise at_client(closed)


def _why(url: str, error: Exception) -> str:
    parts = urlsplit(url)
    said = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return f"{parts.scheme}://{parts.netloc}: {said}"
