"""Upgrades that a worker fetches: one connection per attach, opened by the worker to the gateway that asks. Nothing listens.

The order comes over the link with the gateway's address and a ticket; once the gateway has taken the ticket, the connection
is served exactly as an accepted one: the same door, the same berths. See moorage/dialout.py for the bytes.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from ssl import SSLContext, create_default_context
from typing import cast

from websockets.asyncio.server import Server
from websockets.protocol import State

from moorage.deadlines import DIAL
from moorage.dialout import Attach, Place, place_of, request_for
from moorage.errors import MoorageError
from moorage.io.berths import Berths
from moorage.io.dialled import Dialled, protocol_for
from moorage.io.door import Door
from moorage.io.probes import Probes
from moorage.io.roster import Roster
from moorage.io.worker_environment import trust_in
from moorage.io.worker_options import CLOSE_SECONDS, WorkerOptions
from moorage.link import Directive

log = logging.getLogger("moorage.worker")

AT_ONCE = 64  # dials under way; the others wait within their deadline
SPARE = 64  # orders kept beyond one for each slot: sessions that come back while their older socket closes
TRY_AGAIN = 0.2  # after a refused or reset connect


class Outward:
    """Everything here belongs to the worker's loop; tasks go to the group of the one who made it."""

    def __init__(
        self, options: WorkerOptions, door: Door, berths: Berths, roster: Roster, tasks: asyncio.TaskGroup
    ) -> None:
        self._options = options
        self._door = door
        self._berths = berths
        self._roster = roster
        self._group = tasks
        self._tasks: dict[Attach, asyncio.Task[None]] = {}
        self._opening: set[Attach] = set()
        self._dials = asyncio.Semaphore(AT_ONCE)
        self._ssl: SSLContext | None = None
        self._probes = Probes(options, door)
        self._is_open = False

    async def open(self) -> int:
        """Port 0: there is none for sessions. Raises OSError."""
        await self._probes.open()
        self._is_open = True
        return 0

    def attend(self, order: Directive) -> None:
        """Dials for an order, which may come twice. Beyond the bound it is dropped: the gateway's deadline ends it."""
        worker = self._roster.worker_id
        if not self._is_open or worker is None or order.session is None or order.fence is None:
            return
        attach = Attach(worker, order.session, order.fence)
        if attach in self._tasks or order.fence <= (self._roster.fence(order.session) or 0):
            return
        if len(self._opening) >= self._options.slots + SPARE:
            log.warning("no dial for %s: %d are under way", order.session, len(self._opening))
            return
        self._opening.add(attach)
        task = self._group.create_task(self._attend(attach, order), name=f"attach-{order.session}")
        self._tasks[attach] = task
        task.add_done_callback(lambda _: self._forget(attach))

    def is_serving(self) -> bool:
        """Asked by the connections: whether upgrades are still let in."""
        return self._is_open

    def close(self) -> None:
        """No more dials; connections that serve go on."""
        self._is_open = False
        for attach in self._opening:
            self._tasks[attach].cancel()

    async def closed(self) -> None:
        """Returns when every connection is gone."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._probes.close()

    def _forget(self, attach: Attach) -> None:
        del self._tasks[attach]
        self._opening.discard(attach)

    async def _attend(self, attach: Attach, order: Directive) -> None:
        connection = await self._opened(attach, order)
        self._opening.discard(attach)
        if connection is None:
            return
        try:
            async with connection:
                await self._berths.moor(connection)
        except Exception:
            log.exception("the connection for %s failed", attach.session)

    async def _opened(self, attach: Attach, order: Directive) -> Dialled | None:
        """An open WebSocket, or None, with why in the log: the gateway hears nothing but silence."""
        connection: Dialled | None = None
        try:
            async with asyncio.timeout(min(order.seconds or 0.0, DIAL)), self._dials:
                connection = await self._dialled(place_of(order.gateway or ""), attach, order.ticket or "")
                await connection.let_in()
                await connection.handshake(self._door.admit, server_header=None)
            if connection.protocol.state is State.OPEN:
                return connection
        except MoorageError as refusal:
            log.warning("%s refused the ticket for %s: %s", order.gateway, attach.session, refusal)
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("no attach of %s at %s: %s", attach.session, order.gateway, str(error) or type(error).__name__)
        except BaseException:
            _abort(connection)
            raise
        _abort(connection)
        return None

    async def _dialled(self, place: Place, attach: Attach, ticket: str) -> Dialled:
        while True:
            with suppress(ConnectionError):
                return await self._connect(place, request_for(place, attach, ticket))
            await asyncio.sleep(TRY_AGAIN)

    async def _connect(self, place: Place, request: bytes) -> Dialled:
        options = self._options
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Dialled(
                protocol_for(options, self._door),
                cast(Server, self),  # of which a connection asks `is_serving` only
                request=request,
                close_timeout=CLOSE_SECONDS,
                max_queue=options.max_queue,
            ),
            place.host,
            place.port,
            ssl=self._trusted() if place.is_tls else None,
        )
        return connection

    def _trusted(self) -> SSLContext:
        """Made once: loading the system's certificates takes longer than a dial."""
        if self._ssl is None:
            ca_file = self._options.link_ca_file
            self._ssl = self._options.link_ssl or (trust_in(ca_file) if ca_file else create_default_context())
        return self._ssl


def _abort(connection: Dialled | None) -> None:
    if connection is not None:
        connection.transport.abort()
