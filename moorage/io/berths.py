"""The sessions that lie at a worker: their sockets come and go, their handlers run on.

Owns every Session and every handler's task. A berth is left when the client or the worker closes for good, when the store
says so, when the session moves, or when nobody came back for `resume_seconds`.
"""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection

from moorage.deadlines import RESUME
from moorage.errors import CATALOGUE, MAX_REASON_BYTES, Code, MoorageError, close_reason
from moorage.ids import SessionId
from moorage.introduction import Introduction, introduction
from moorage.io.door import Door
from moorage.io.roster import Roster
from moorage.io.session import Ended, Session, ended_by_peer, ended_by_worker, over
from moorage.io.succession import closed_of
from moorage.io.worker_options import WorkerOptions
from moorage.link import Directive, Outcome

log = logging.getLogger("moorage.worker")

Handler = Callable[[Session], Awaitable[None]]

KEEPALIVE = ((sockets.TCP_KEEPIDLE, 10), (sockets.TCP_KEEPINTVL, 3), (sockets.TCP_KEEPCNT, 3))
UNACKED_MS = 15_000  # TCP_USER_TIMEOUT: a gateway's host that fell silent while we write


@dataclass(slots=True)
class _Berth:
    session: Session
    fence: int
    resume_timer: asyncio.TimerHandle | None = None
    linger_timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None


class Berths:
    """Everything here belongs to the worker's loop; tasks go to the group of the one who made it."""

    def __init__(
        self,
        options: WorkerOptions,
        roster: Roster,
        handler: Handler,
        tasks: asyncio.TaskGroup,
        on_empty: Callable[[], None],
    ) -> None:
        self.resume_seconds = RESUME
        self._options = options
        self._roster = roster
        self._door = Door(roster, ())
        self._handler = handler
        self._tasks = tasks
        self._on_empty = on_empty
        self._loop = asyncio.get_running_loop()
        self._berths: dict[SessionId, _Berth] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    async def empty(self) -> None:
        """Returns when no session is left."""
        await self._empty.wait()

    async def moor(self, connection: ServerConnection) -> None:
        """One socket, from its 101 to its end: websockets' handler."""
        request = connection.request
        assert request is not None
        claim = self._door.claim(request)
        if claim is None or self._roster.attach(claim.session, claim.fence).is_refusal:
            await connection.close(1012, close_reason(Code.DRAINING).decode())  # another upgrade was let in first
            return
        keep_alive(connection)
        berth = self._berths.get(claim.session) or self._settle(introduction(request.headers, request.path))
        self._attach(berth, connection, claim.fence)
        await connection.wait_closed()
        self._gone(berth, connection, claim.fence)

    def _settle(self, said: Introduction) -> _Berth:
        berth = _Berth(Session(said, self.hang_up), fence=0)
        self._berths[said.session] = berth
        self._empty.clear()
        berth.task = self._tasks.create_task(self._run(berth), name=said.session)
        return berth

    def _attach(self, berth: _Berth, connection: ServerConnection, fence: int) -> None:
        _cancel(berth.resume_timer)
        berth.fence = fence
        berth.session.attaches += 1
        older = berth.session.sockets.attach(connection)
        if older is not None:
            self._spawn(older.close(4409, close_reason(Code.SESSION_SUPERSEDED).decode()))

    def _gone(self, berth: _Berth, connection: ServerConnection, fence: int) -> None:
        is_newest = berth.session.sockets.detach(connection)
        if not is_newest or berth.session.ended is not None:
            return
        ended = ended_by_peer(closed_of(connection))
        if ended is not None:
            self._leave(berth, ended)
            return
        self._roster.detach(berth.session.id, fence)
        berth.resume_timer = self._loop.call_later(
            self.resume_seconds + self._options.resume_slack, self._expire, berth
        )

    def _expire(self, berth: _Berth) -> None:
        self._leave(berth, Ended(Outcome.COMPLETED, "CLIENT_GONE"))

    async def _run(self, berth: _Berth) -> None:
        session = berth.session
        try:
            await self._handler(session)
        except Exception as error:
            if session.ended is not None and isinstance(error, MoorageError):
                return  # it sent to a session that was over: how a handler may find out
            log.exception("the handler of %s failed", session.id)
            await self.hang_up(session, 1011, close_reason(Code.INTERNAL).decode())
        else:
            await self.hang_up(session, 1000, "")
        finally:
            _cancel(berth.linger_timer)
            berth.task = None

    async def hang_up(self, session: Session, code: int, reason: str) -> None:
        """The worker's own close. Nothing where the session is over. Raises ValueError for a code that is nobody's to send."""
        if code not in (1000, 1001, 1011, 1012) and not 3000 <= code <= 4999:
            raise ValueError(f"a session is closed with 1000, 1011, 1012 or 3000-4999, not {code}")
        berth = self._berths.get(session.id)
        if berth is None or berth.session is not session:
            return
        said = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        socket = self._leave(berth, ended_by_worker(code, said))
        if socket is not None:
            await socket.close(code, said)

    def _leave(self, berth: _Berth, ended: Ended) -> Connection | None:
        """Frees the slot, ends iteration, and gives the handler `grace_seconds`. Answers the socket to close."""
        session = berth.session
        session.ended = ended
        del self._berths[session.id]
        _cancel(berth.resume_timer)
        self._roster.leave(session.id, ended.outcome, ended.reason)
        if berth.task is not None:
            berth.linger_timer = self._loop.call_later(self._options.grace_seconds, berth.task.cancel)
        if not self._berths:
            self._empty.set()
            self._on_empty()
        return session.sockets.finish(over(ended))

    # Orders.

    def end_one(self, directive: Directive) -> None:
        """The store ended it."""
        self._close_one(directive.session, directive.fence, Code.SESSION_ENDED, Outcome.COMPLETED, directive.reason)

    def hand_over_one(self, session: SessionId, fence: int | None) -> None:
        """It goes to another worker."""
        self._close_one(session, fence, Code.DRAINING, None, "moved to another worker")

    async def hand_over(self) -> None:
        """Every session that is left goes to other workers; waits for the closes (bounded by their handshake's deadline)."""
        closing = [self._let_go(berth) for berth in list(self._berths.values())]
        await asyncio.gather(*(task for task in closing if task is not None), return_exceptions=True)

    def _let_go(self, berth: _Berth) -> asyncio.Task[None] | None:
        socket = self._leave(berth, Ended(None, "this worker is leaving"))
        reason = close_reason(Code.DRAINING).decode()
        return None if socket is None else self._spawn(socket.close(1012, reason))

    def _close_one(
        self, session: SessionId | None, fence: int | None, code: Code, outcome: Outcome | None, reason: str
    ) -> None:
        berth = None if session is None else self._berths.get(session)
        if berth is None or (fence is not None and fence < berth.fence):
            return  # a newer attach is not what the order was about
        socket = self._leave(berth, Ended(outcome, reason or code.value))
        close = CATALOGUE[code].close
        if socket is not None and close is not None:
            self._spawn(socket.close(close, close_reason(code).decode()))

    def _spawn(self, closing: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(closing)


def keep_alive(connection: Connection) -> None:
    """The kernel finds a peer that vanished without a word."""
    socket = connection.transport.get_extra_info("socket")
    if socket is None:
        return
    socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        socket.setsockopt(sockets.IPPROTO_TCP, option, value)
    socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, UNACKED_MS)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
