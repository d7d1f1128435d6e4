"""A worker: one call of `echo` is one session. Put what your sessions do in its place."""

from __future__ import annotations

from moorage import Session


async def echo(session: Session) -> None:
    """Sends back what it hears, until the client goes."""
    async for message in session:
        await session.send(message)
