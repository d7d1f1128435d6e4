"""How a worker's link begins: a connection to one gateway, and the registration over it. One try; who tries again is
moorage/io/link.py."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from moorage.endings import at_client, from_status
from moorage.errors import error_for
from moorage.io.gateways import Choice, addresses
from moorage.io.succession import closed_of
from moorage.io.voice import Voice
from moorage.io.wire_log import WIRE_LOG
from moorage.io.worker_environment import key_in, trust_in
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
    ssl: SSLContext | None = None  # None: the system's certificates, or those of ca_file
    join_key_file: Path | None = None  # holds the join key as it is now
    ca_file: Path | None = None
    choice: Choice = field(default_factory=Choice)

    def key(self) -> str:
        """As its file has it now; where that cannot be read, as it was at the start."""
        if self.join_key_file is not None:
            with suppress(ValueError):
                return key_in(self.join_key_file)
        return self.join_key

    def trust(self) -> SSLContext | bool:
        """For wss://. Raises OSError for authorities that cannot be read."""
        try:
            return self.ssl or (trust_in(self.ca_file) if self.ca_file else True)
        except ValueError as error:
            raise OSError(str(error)) from error


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


def place_of(gateway: str) -> tuple[str, int]:
    """Host and port of a gateway's URL."""
    parts = urlsplit(gateway)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)


async def dial(
    dialing: Dialing, gateway: str, seconds: float = OPEN_SECONDS, besides: Collection[str] = ()
) -> ClientConnection:
    """A connection, within so many seconds; to another address than `besides` where the name has several.

    Raises MoorageError for a refusal, OSError, TimeoutError or WebSocketException where nobody answers."""
    host, port = place_of(gateway)
    address = ""
    try:
        async with asyncio.timeout(seconds):
            address = dialing.choice.one(await addresses(host, port), besides)
            return await connect(
                gateway,
                subprotocols=[Subprotocol(each) for each in SUBPROTOCOLS],
                additional_headers={"Authorization": f"Bearer {dialing.key()}"},
                host=address,
                port=port,
                proxy=None,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=None,
                logger=WIRE_LOG,
                ping_interval=None,  # beats and acks are the pings
                close_timeout=FAREWELL_SECONDS,
                ssl=dialing.trust() if gateway.startswith("wss:") else None,
            )
    except InvalidStatus as refusal:
        dialing.choice.failed(address)
        response = refusal.response
        raise from_status(response.status_code, bytes(response.body), response.headers.get("Retry-After")) from refusal
    except (OSError, TimeoutError, WebSocketException):
        dialing.choice.failed(address)
        raise


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
