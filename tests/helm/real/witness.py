"""What the workers of these tests run, mounted into the example worker's pods: an echo that names its pod.

Alone in a pod: it knows `moorage` and nothing of the tests. The words are those of tests/survival/witness.py.
"""

from __future__ import annotations

import os

from moorage import Session

NAME = "-".join(os.environ.get("MOORAGE_POD_NAME", "").split("-")[-2:])


async def echo(session: Session) -> None:
    """As long as the question."""
    async for message in session:
        await session.send(f"{str(message)[:8]} {NAME:<23}")
