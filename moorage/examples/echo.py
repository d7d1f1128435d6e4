"""Sends back what it hears: `moorage worker moorage.examples.echo:echo`."""

from __future__ import annotations

from moorage import Session


async def echo(session: Session) -> None:
    """One session."""
    async for message in session:
        await session.send(message)
