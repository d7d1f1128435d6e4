"""How a worker's link begins: a connection to one gateway, and the registration over it. One try; who tries again is
moorage/io/link.py."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from moorage.endings import at_client, from_status
from moorage.errors import error_for
from moorage.io.gateways import one_address
from moorage.io.succession import closed_of
from moorage.io.voice import Voice
from moorage.io.wire_log import WIRE_LOG
from moorage.link import MAX_MESSAGE_BYTES, SUBPROTOCOLS, LinkRefused, Registered
from moorage.link_wire import LinkError, decode, encode

OPEN_SECONDS = 1.5  # one gateway's TCP, TLS and 101: with the jitter under LINK_MOVE
REGISTER_SECONDS = 5.0
FAREWELL_SECONDS = 1.0  # for the last beat's ack, and for the close


@dataclass(frozen=True, slots=True)
class Dialing:
    """Where gateways are, and what lets a worker in."""

    gateways: tuple[str, ...]  # ws(s)://host:7403/link
    join_key: str = field(repr=False)
    ssl: SSLContext | None = None  # None: the system's certificates


@dataclass(frozen=True, slots=True)
class Linked:
    """A connection over which the store took this worker's registration. Whoever has it closes it."""

    gateway: str
    connection: ClientConnection
    registered: Registered

    @property
    def host(self) -> str:
        """The address that it leads to."""
        return peer_of(self.connection)


def peer_of(connection: ClientConnection) -> str:
    """The address at the other end."""
    return str(connection.remote_address[0])


async def dial(dialing: Dialing, gateway: str, seconds: float = OPEN_SECONDS, besides: str = "") -> ClientConnection:
    """A connection, within so many seconds; to another address than `besides` where the name has several.

    Raises MoorageError for a refusal, OSError, TimeoutError or WebSocketException where nobody answers."""
    parts = urlsplit(gateway)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        async with asyncio.timeout(seconds):
            return await connect(
                gateway,
                subprotocols=[Subprotocol(each) for each in SUBPROTOCOLS],
                additional_headers={"Authorization": f"Bearer {dialing.join_key}"},
                host=await one_address(parts.hostname or "", port, besides),
                port=port,
                proxy=None,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=None,
                logger=WIRE_LOG,
                ping_interval=None,  # beats and acks are the pings
                close_timeout=FAREWELL_SECONDS,
                ssl=(dialing.ssl or True) if parts.scheme == "wss" else None,
            )
    except InvalidStatus as refusal:
        response = refusal.response
        raise from_status(response.status_code, bytes(response.body), response.headers.get("Retry-After")) from refusal


async def register(connection: ClientConnection, voice: Voice) -> Registered:
    """The place that the store gave. Raises MoorageError for a refusal, and what a connection raises."""
    await introduce(connection, voice)
    try:
        async with asyncio.timeout(REGISTER_SECONDS):
            answer = decode(await connection.recv(decode=False))
    except WebSocketException:
        await connection.wait_closed()
        raise at_client(closed_of(connection)) from None
    match answer:
        case Registered():
            voice.welcome(answer)
            return answer
        case LinkRefused():
            raise error_for(answer.code, answer.detail, retry_after=answer.retry_after)
        case _:
            raise LinkError(f"{type(answer).__name__} where an answer to register belongs")


async def introduce(connection: ClientConnection, voice: Voice) -> None:
    """Says who this is, with every session; the answer is not waited for."""
    await connection.send(encode(voice.introduce(str(connection.local_address[0]))))
