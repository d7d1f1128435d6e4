"""Opens a connection: the socket, TLS, and the greeting that makes it ours. The caller sets the deadline."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scheduler.io.redis.client.connection import Bounds, Connection, Owner
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.storeurl import Address, Login, StoreUrl, TlsFiles

CLIENT_NAME = "moorage"  # CLIENT LIST of the server shows it

Check = Callable[[Connection], Awaitable[None]]
"""Looks whether a greeted server is the right one; raises if not."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to introduce ourselves to a server, and the bounds of the connection."""

    login: Login
    database: int
    tls: ssl.SSLContext | None
    bounds: Bounds
    connect_seconds: float


def terms(url: StoreUrl) -> Terms:
    """Of the servers that hold the data. Raises OSError (ssl.SSLError too) for TLS files that cannot be read."""
    bounds = Bounds(answer_seconds=url.answer_seconds)
    return Terms(url.login, url.database, _tls_context(url.tls), bounds, url.connect_seconds)


def _tls_context(tls: TlsFiles | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.create_default_context(cafile=tls.authorities or None)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    return context


async def dial(address: Address, terms: Terms, owner: Owner, *checks: Check) -> Connection:
    """An open connection that answers commands and passed the checks. Raises StoreFailed, and what the checks raise."""
    connection = await _socket(address, terms, owner)
    try:
        await _greet(connection, terms)
        for check in checks:
            await check(connection)
    except BaseException:
        connection.drop(Failure(Kind.CONNECT, f"the greeting of Redis at {address} failed"))
        raise
    return connection


async def _socket(address: Address, terms: Terms, owner: Owner) -> Connection:
    loop = asyncio.get_running_loop()

    def build() -> Connection:
        return Connection(str(address), terms.bounds, owner)

    try:
        if address.path:
            _, connection = await loop.create_unix_connection(build, address.path)
        else:
            _, connection = await loop.create_connection(build, address.host, address.port, ssl=terms.tls)
    except OSError as error:  # ssl.SSLError and socket.gaierror too
        raise StoreFailed(Failure(Kind.CONNECT, f"cannot connect to Redis at {address}: {error}")) from error
    return connection


async def _greet(connection: Connection, terms: Terms) -> None:
    """One round trip. PING comes last because a server that is loading, unlike HELLO, refuses it."""
    hello: list[bytes | str] = [b"HELLO", b"3"]
    if terms.login.password:
        hello += [b"AUTH", terms.login.username or "default", terms.login.password]
    calls = [connection.call(*hello, b"SETNAME", CLIENT_NAME)]
    if terms.database:
        calls.append(connection.call(b"SELECT", terms.database))
    calls.append(connection.call(b"PING"))
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
