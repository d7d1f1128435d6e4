"""Remembers how often it was asked, also when the client lost its connection in between.

`moorage worker moorage.examples.counter:counter`
"""

from __future__ import annotations

import json

from moorage import Session


async def counter(session: Session) -> None:
    """`add` counts one up, `stop` ends the session; every answer is JSON."""
    count = 0
    async for message in session:
        if message == "stop":
            await session.close(1000, "stopped")
            return
        count += message == "add"
        await session.send(json.dumps({"user": session.user, "count": count, "attaches": session.attaches}))
