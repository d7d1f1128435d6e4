"""Acts on join keys: rows, and the store's copy of them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from controlplane.credentials import JOIN_KEY, Credential, make
from controlplane.io.context import Context
from controlplane.io.sql import join_keys
from controlplane.joinkeys import JoinKeyRow
from moorage.errors import Code, error_for
from moorage.ids import KeyId


async def create(context: Context, name: str, pool: str, region: str) -> tuple[JoinKeyRow, Credential]:
    """A new join key; its text is seen this once."""
    credential = make(JOIN_KEY, context.draw)
    row = JoinKeyRow(
        KeyId(context.new_id("key")),
        name,
        credential.digest,
        credential.hint,
        pool,
        region,
        context.store.now(),
    )
    await context.database.change(lambda connection: join_keys.add(connection, row))
    await publish(context)
    return row, credential


async def listed(context: Context) -> list[JoinKeyRow]:
    """All of them."""
    return await context.database.ask(join_keys.listed)


async def remove(context: Context, key: KeyId) -> None:
    """No worker joins with it any more; those that joined stay until they register again. Raises NOT_FOUND."""
    was_there = await context.database.change(lambda connection: join_keys.remove(connection, key))
    if not was_there:
        raise error_for(Code.NOT_FOUND, f"no join key {key}")
    await publish(context)


async def publish(context: Context) -> None:
    """Gives the store all join keys. One control plane at a time, or an older list could overwrite a newer one."""

    async def work(connection: AsyncConnection) -> None:
        await context.store.set_join_keys([row.entry for row in await join_keys.listed(connection)])

    await context.database.change(work, "join keys")
