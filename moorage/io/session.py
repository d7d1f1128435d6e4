"""A session as the worker's code sees it: one user's conversation, across reconnects.

    async def echo(session: Session) -> None:
        async for message in session:
            await session.send(message)

While the client is away, iteration and `send` wait. When the session is over, iteration ends and `ended` says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from moorage.endings import Closed, at_worker, of_worker
from moorage.errors import Code, MoorageError, SessionOver
from moorage.ids import SessionId, UserId, WorkspaceId
from moorage.introduction import Introduction
from moorage.io.succession import Message, Succession
from moorage.link import Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session ended, as far as its worker knows. `outcome` None: it goes on at another worker."""

    outcome: Outcome | None
    reason: str


class Session:
    """Made by the worker; user code reads, sends and closes."""

    def __init__(self, introduction: Introduction, hang_up: Callable[[Session, int, str], Awaitable[None]]) -> None:
        self.sockets = Succession()
        self.ended: Ended | None = None
        self.attaches = 0
        self._introduction = introduction
        self._hang_up = hang_up

    @property
    def id(self) -> SessionId:
        """`ses_…`"""
        return self._introduction.session

    @property
    def user(self) -> UserId:
        """`usr_…`"""
        return self._introduction.user

    @property
    def workspace(self) -> WorkspaceId:
        """`wsp_…`"""
        return self._introduction.workspace

    @property
    def metadata(self) -> dict[str, Any]:
        """What the tenant's backend attached when it made the session."""
        return self._introduction.metadata

    @property
    def features(self) -> Any:
        """As the tenant's backend asked for them; None when it did not."""
        return self._introduction.features

    @property
    def quality(self) -> Any:
        """As the tenant's backend asked for it; None when it did not."""
        return self._introduction.quality

    @property
    def traceparent(self) -> str:
        """W3C trace context of the first attach, or ''."""
        return self._introduction.traceparent

    @property
    def path(self) -> str:
        """Path and query of the client's first upgrade, less the token."""
        return self._introduction.path

    @property
    def is_attached(self) -> bool:
        """Whether a client is connected now."""
        return self.sockets.socket is not None

    async def send(self, message: Message) -> None:
        """str goes as text, bytes as binary. Waits while the client is away or does not read.
        Raises SessionOver when the session is."""
        await self.sockets.send(message)

    async def recv(self) -> Message:
        """The next message. Raises SessionOver after the last one."""
        return await self.sockets.recv()

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.sockets.recv()
        except MoorageError:
            raise StopAsyncIteration from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Ends the session: 1000 COMPLETED, 1011 FAILED, your own 3000-4999 COMPLETED; 1012 hands it to another worker."""
        await self._hang_up(self, code, reason)


def ended_by_peer(closed: Closed) -> Ended | None:
    """What a closed socket says about its session; None: it is merely detached."""
    outcome = at_worker(closed).outcome
    if outcome is None:
        return None
    return Ended(outcome, "the client closed" if closed.received in (1000, 1005) else f"closed with {closed.received}")


def ended_by_worker(code: int, reason: str) -> Ended:
    """What a worker's own close means."""
    return Ended(of_worker(code).outcome, reason or f"the worker closed with {code}")


def over(ended: Ended) -> SessionOver:
    """What sending after the end raises."""
    return SessionOver(Code.SESSION_ENDED, f"the session is over: {ended.reason}")
