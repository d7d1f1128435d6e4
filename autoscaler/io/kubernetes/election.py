"""Stands for election by a Lease; autoscaler.leases has the rule. The other way to lead is a role in the store.

Several autoscalers of one cluster need no shared store for this. Nothing here leads while the API server hangs: the office ends
by this process's clock, whatever is under way.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from contextlib import suppress
from urllib.parse import quote

import structlog

from autoscaler.io.kubernetes.api import Api
from autoscaler.io.kubernetes.metrics import KubernetesMetrics
from autoscaler.io.kubernetes.troubles import Refused, Trouble
from autoscaler.leases import LeaseSeen, Move, Terms, Watched, holding, lease_of, move, released, watched
from moorage.backoff import Chance

_HAND_BACK_SECONDS = 2.0
_log = structlog.get_logger("moorage.autoscaler")


class LeaseLeader:
    """An autoscaler.io.leading.Leader. `detail` says who leads, or what keeps this one from it."""

    def __init__(
        self, api: Api, metrics: KubernetesMetrics, *, namespace: str, name: str, terms: Terms | None = None
    ) -> None:
        self._api = api
        self._metrics = metrics
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases"
        self._name = name
        self._terms = terms or Terms()
        self.identity = f"{socket.gethostname()[:200]}_{os.urandom(6).hex()}"
        self._watched: Watched | None = None
        self._until = 0.0
        self._chance: Chance = random.random
        self.detail = "has not asked yet"

    @property
    def is_leading(self) -> bool:
        """By the time since the last answered renewal was sent."""
        return _now() < self._until

    async def run(self) -> None:
        """Until cancelled; then the Lease is free at once."""
        try:
            while True:
                began = _now()
                pause = await self._step()
                await asyncio.sleep(max(0.0, began + pause - _now()))
        finally:
            await self._hand_back()

    async def _step(self) -> float:
        """One look, and what follows from it. Seconds from its begin to the next one."""
        was_leading = self.is_leading
        pause = self._terms.retry * (1.0 if was_leading else 1.0 + 0.2 * self._chance())
        try:
            async with asyncio.timeout(self._terms.write_seconds):
                await self._turn()
        except TimeoutError:
            self.detail = "the API server does not answer"
        except Trouble as error:
            self.detail = str(error)
            pause = max(pause, error.retry_after or 0.0)
            if isinstance(error, Refused) and error.is_conflict:
                self._metrics.conflicts.labels("lease").inc()
                self._until = 0.0
        except Exception:
            _log.exception("election_step_failed")
            self.detail = "a fault of the autoscaler; its log has it"
        if was_leading is not self.is_leading:
            _log.info("leading" if self.is_leading else "following", lease=self._name, detail=self.detail)
        return pause

    async def _turn(self) -> None:
        """A leader writes at once: its own last write is the newest unless somebody took the Lease."""
        seen = self._watched.seen if self._watched is not None and self.is_leading else await self._read()
        self._watched = watched(self._watched, seen, _now())
        match move(self.identity, self._watched, _now()):
            case Move.WAIT:
                self._until = 0.0
                self.detail = f"{seen.holder if seen else 'nobody'} leads"
            case Move.CREATE | Move.TAKE | Move.RENEW:
                await self._hold(seen)

    async def _read(self) -> LeaseSeen | None:
        try:
            return lease_of(await self._api.get(f"{self._path}/{quote(self._name)}"))
        except Refused as error:
            if error.is_absent:
                return None
            raise

    async def _hold(self, before: LeaseSeen | None) -> None:
        """Leads from here on, counted from before the write was sent."""
        sent_at = _now()
        document = holding(self._name, self.identity, self._terms, before, time.time())
        try:
            if before is None:
                answer = await self._api.post(self._path, document)
            else:
                answer = await self._api.put(f"{self._path}/{quote(self._name)}", document)
        except BaseException:
            self._watched = None  # it may have been written all the same: look before the next step
            raise
        self._watched = Watched(lease_of(answer), _now())
        self._until = sent_at + self._terms.renew_deadline
        self.detail = "leads"

    async def _hand_back(self) -> None:
        """Stops leading before it says so."""
        has_led, self._until = self._until > 0.0, 0.0
        if not has_led:
            return
        with suppress(Trouble, TimeoutError):
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                held = self._watched.seen if self._watched is not None else await self._read()
                if held is not None and held.holder == self.identity:
                    await self._api.put(f"{self._path}/{quote(self._name)}", released(self._name, held, time.time()))


def _now() -> float:
    return asyncio.get_running_loop().time()
