"""Whether the database answers, asked when somebody scrapes."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from controlplane.io.database import Database
from controlplane.io.troubles import FAILURES

ANSWER_WITHIN = 1.0


class Pulse:
    """Of one control plane's database; taken for up before the first look."""

    def __init__(self, database: Database, gauge: Gauge) -> None:
        self._database = database
        self._gauge = gauge
        self._tell(is_up=True)

    async def look(self) -> None:
        """One query that reads nothing; raises nothing that a database may fail with."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._database.ping()
        except (*FAILURES, TimeoutError):
            self._tell(is_up=False)
        else:
            self._tell(is_up=True)

    def _tell(self, *, is_up: bool) -> None:
        self.is_up = is_up
        self._gauge.set(is_up)
