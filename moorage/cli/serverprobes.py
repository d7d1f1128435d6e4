"""What `moorage doctor` looks at beyond this machine: the store's server and the database. Changes nothing there."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from controlplane.policy import DatabaseLimits
from moorage.cli import findings
from moorage.cli.addresses import redacted
from moorage.cli.findings import Finding
from moorage.cli.policies import control_plane_policy
from moorage.cli.settings import Settings
from moorage.cli.sources import WrongSetting
from moorage.cli.stores import checked
from scheduler.storeurl import Address, StoreUrl, Topology

ANSWER_WITHIN = 3.0


def store(settings: Settings, *, is_running: bool | None) -> list[Finding]:
    """Of the store's first server, or of memory."""
    try:
        url = checked(settings.store.url)
    except WrongSetting as error:
        return [findings.store_away(str(error))]
    if url is None:
        return [findings.store(is_running)]
    try:
        said, schema = asyncio.run(_within(_server(url, url.addresses[0])))
    except ModuleNotFoundError:
        return [findings.store_away("the store needs hiredis", "pip install 'moorage[redis]'")]
    except (OSError, ValueError, TimeoutError) as error:
        return [findings.store_away(f"{url} does not answer: {str(error) or 'no answer in time'}")]
    if url.topology is Topology.SENTINEL:
        return [Finding("store", findings.Grade.OK, f"the sentinel at {url.addresses[0]} answers")]
    from scheduler.io.redis.client.schema import VERSION

    return findings.store_server(str(url), findings.info(said), schema, str(VERSION))


def database(settings: Settings) -> Finding | None:
    """None for SQLite in the data folder, which the folder's own finding covers."""
    policy = control_plane_policy(settings)
    url = policy.database_url
    if not url:
        return None
    try:
        asyncio.run(_within(_ping(url, policy.database_limits)))
    except Exception as error:  # drivers raise anything
        why = str(error).partition("\n")[0] or "no answer in time"
        return findings.database(redacted(url), why)
    return findings.database(redacted(url), None)


async def _within(work: Any) -> Any:
    async with asyncio.timeout(ANSWER_WITHIN):
        return await work


async def _ping(url: str, limits: DatabaseLimits) -> None:
    from controlplane.io.database import Database

    database = Database(url, limits)
    try:
        await database.ping()
    finally:
        await database.close()


async def _server(url: StoreUrl, address: Address) -> tuple[str, str | None]:
    """INFO of one server, and the schema version that it holds. Raises OSError, ValueError for an error of the server's."""
    from scheduler.io.redis.client.dialing import terms
    from scheduler.io.redis.client.schema import schema_key

    reader, writer = await _opened(address, terms(url).tls)
    try:
        if url.login.password:
            await _say(reader, writer, b"AUTH", (url.login.username or "default").encode(), url.login.password.encode())
        said = await _say(reader, writer, b"INFO", b"everything")
        is_plain = url.topology is Topology.SINGLE
        if is_plain and url.database:
            await _say(reader, writer, b"SELECT", str(url.database).encode())
        schema = await _say(reader, writer, b"GET", schema_key(url.prefix)) if is_plain else None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return bytes(said or b"").decode(errors="replace"), schema.decode(errors="replace") if schema else None


async def _opened(address: Address, tls: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.path:
        return await asyncio.open_unix_connection(address.path)
    return await asyncio.open_connection(address.host, address.port, ssl=tls)


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: bytes) -> bytes | None:
    from hiredis import Reader, ReplyError

    writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    parser = Reader(notEnoughData=Ellipsis)
    while (answer := parser.gets()) is Ellipsis:
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError("it closed the connection")
        parser.feed(data)
    if isinstance(answer, ReplyError):
        raise ValueError(str(answer))
    return answer if isinstance(answer, bytes) else None
