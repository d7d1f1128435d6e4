"""Refuses a store whose keys were written by another version of the scripts, before anything is read as what it is not.

The key "{<prefix>:<tag>}schema" is looked at on every new connection: a server that lost its data gets it again, one
that meanwhile serves another version is refused.
"""

from __future__ import annotations

from itertools import count

from scheduler.hashslots import SlotMap, slot_of
from scheduler.io.redis.client.connection import Connection
from scheduler.io.redis.client.failures import StoreFailed
from scheduler.storeurl import Address

VERSION = 3  # raise it when a script reads keys or fields that an older script writes otherwise

_TAG = "schema"


class WrongSchema(ValueError):
    """The store is of another version; the sentence names both and says what to do."""


def schema_key(prefix: str, number: int = 0) -> bytes:
    """The key that is looked at; a cluster has one for each node, told apart by `number`."""
    return f"{{{prefix}:{_TAG}{number or ''}}}schema".encode()


def schema_key_of(prefix: str, slots: SlotMap, address: Address) -> bytes | None:
    """The first of these keys that this primary serves; None where it serves no slot."""
    if not slots.slots_of(address):
        return None
    keys = (schema_key(prefix, number) for number in count())
    return next(key for key in keys if slots.primary(slot_of(key)) == address)


async def check_schema(connection: Connection, key: bytes, version: int = VERSION) -> None:
    """Writes our version where there is none. Raises WrongSchema, StoreFailed."""
    found = await connection.call(b"GET", key)
    if found is None:
        try:
            found = await connection.call(b"SET", key, version, b"NX", b"GET")
        except StoreFailed as error:
            if error.kind != "oom":  # a full server without our key has none of our data either
                raise
    if found is not None and found != str(version).encode():
        theirs = found.decode(errors="replace")[:40] if isinstance(found, bytes) else "an unknown one"
        raise WrongSchema(
            f"the store at {connection.where} was written by schema version {theirs}, this program speaks {version}:"
            f" run programs of one version on it, or give this one a ?prefix= of its own"
        )
