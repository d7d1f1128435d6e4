"""Finds the primary through Sentinel: asks who it is, and verifies that whoever was named thinks so too.

Nothing is remembered between two connections, so a fail-over is followed by connecting again.
"""

from __future__ import annotations

import random
from dataclasses import replace

from scheduler.io.redis.client.asking import ask_once
from scheduler.io.redis.client.connection import Connection
from scheduler.io.redis.client.dialing import Terms
from scheduler.io.redis.client.failures import Failure, Kind, StoreFailed
from scheduler.storeurl import Address, StoreUrl


class Sentinels:
    """Those that watch one primary."""

    def __init__(self, url: StoreUrl, terms: Terms) -> None:
        self._addresses = url.addresses
        self._name = url.master_name
        self._terms = replace(terms, login=url.sentinel_login, database=0)

    async def primary(self) -> Address:
        """What the first sentinel that answers says. Raises StoreFailed."""
        reasons: list[str] = []
        for address in random.sample(self._addresses, len(self._addresses)):
            try:
                found = await ask_once(address, self._terms, b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._name)
            except StoreFailed as error:
                reasons.append(str(error))
                continue
            if isinstance(found, list) and len(found) == 2:
                return Address(found[0].decode(), int(found[1]))
            reasons.append(f"{address} knows no primary of that name")
        raise StoreFailed(Failure(Kind.CONNECT, f"no sentinel names the primary {self._name!r}: {'; '.join(reasons)}"))


async def verify_primary(connection: Connection) -> None:
    """ROLE must say master: right after a fail-over a sentinel may still name the old one. Raises StoreFailed."""
    role = await connection.call(b"ROLE")
    if not isinstance(role, list) or not role or role[0] != b"master":
        raise StoreFailed(Failure(Kind.READONLY, f"Redis at {connection.where} is no primary, or not yet"))
