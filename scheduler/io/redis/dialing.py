"""Opens a connection: the socket, TLS, and the greeting that makes it ours. The caller sets the deadline."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from scheduler.io.redis.connection import Bounds, Connection, Owner
from scheduler.io.redis.failures import Failure, Kind, StoreFailed
from scheduler.storeurl import Address, Login, TlsFiles

CLIENT_NAME = "moorage"  # CLIENT LIST of the server shows it


@dataclass(frozen=True, slots=True)
class Greeting:
    """How to introduce ourselves to a server."""

    login: Login
    database: int = 0
    tls: ssl.SSLContext | None = None


def tls_context(tls: TlsFiles | None) -> ssl.SSLContext | None:
    """Reads the PEM files. Raises OSError, ssl.SSLError included, which names no file: the caller says which URL."""
    if tls is None:
        return None
    context = ssl.create_default_context(cafile=tls.authorities or None)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    return context


async def dial(address: Address, greeting: Greeting, bounds: Bounds, owner: Owner) -> Connection:
    """An open connection that answers commands. Raises StoreFailed."""
    connection = await _socket(address, greeting.tls, bounds, owner)
    try:
        await _greet(connection, greeting)
    except BaseException as error:
        reason = error if isinstance(error, StoreFailed) else "no answer to the greeting"
        connection.drop(Failure(Kind.CONNECT, f"Redis at {address}: {reason}"))
        raise
    return connection


async def _socket(address: Address, tls: ssl.SSLContext | None, bounds: Bounds, owner: Owner) -> Connection:
    loop = asyncio.get_running_loop()

    def build() -> Connection:
        return Connection(str(address), bounds, owner)

    try:
        if address.path:
            _, connection = await loop.create_unix_connection(build, address.path)
        else:
            _, connection = await loop.create_connection(build, address.host, address.port, ssl=tls)
    except OSError as error:  # ssl.SSLError too
        raise StoreFailed(Failure(Kind.CONNECT, f"cannot connect to Redis at {address}: {error}")) from error
    return connection


async def _greet(connection: Connection, greeting: Greeting) -> None:
    """One round trip. PING comes last because a server that is loading, unlike HELLO, refuses it."""
    login = greeting.login
    hello: list[bytes | str] = [b"HELLO", b"3"]
    if login.password:
        hello += [b"AUTH", login.username or "default", login.password]
    calls = [connection.call(*hello, b"SETNAME", CLIENT_NAME)]
    if greeting.database:
        calls.append(connection.call(b"SELECT", greeting.database))
    calls.append(connection.call(b"PING"))
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
