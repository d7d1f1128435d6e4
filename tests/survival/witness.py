"""A worker that echoes, and writes down whom it has: `python -m tests.survival.witness`.

It registers the slots it is given and lets in any number, so that an over-grant is seen rather than prevented. What it hears it
answers with its name in it, in as many bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

from moorage import Session, Worker
from tests.survival.history import Aboard
from tests.survival.scribe import Scribe, now

LOOKS_EVERY = 0.1
ROOM = 10_000


class Witness:
    """One process of it."""

    def __init__(self, options: argparse.Namespace, scribe: Scribe) -> None:
        self._name: str = options.name
        self._scribe = scribe
        self._heard: Counter[str] = Counter()
        self._shown: dict[str, tuple[bool, int]] = {}
        self._worker = Worker(
            self._echo,
            slots=options.slots,
            gateways=options.link,
            join_key=os.environ["MOORAGE_JOIN_KEY"],
            name=options.name,
            drain_seconds=0.0,
        )

    async def run(self) -> None:
        """Until SIGTERM."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._worker.leave)
        self._worker._roster._table.slots = ROOM
        looking = asyncio.create_task(self._look())
        try:
            await self._worker.serve()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            self._note()

    async def _echo(self, session: Session) -> None:
        async for message in session:
            self._heard[session.id] += 1
            assert isinstance(message, str)
            await session.send(answer_to(message, self._name))

    async def _look(self) -> None:
        while True:
            self._note()
            await asyncio.sleep(LOOKS_EVERY)

    def _note(self) -> None:
        listed: dict[str, bool] = {each.session: each.is_attached for each in self._worker._roster._table.listed()}
        for session, is_attached in listed.items():
            fence = self._worker._roster.fence(session) or 0  # type: ignore[arg-type] # it is an id of the table
            if self._shown.get(session) != (is_attached, fence):
                self._shown[session] = (is_attached, fence)
                self._scribe.write(Aboard(now(), session, self._name, is_attached, self._heard[session]))
        for session in [each for each in self._shown if each not in listed]:
            del self._shown[session]
            self._scribe.write(Aboard(now(), session, self._name, None, self._heard[session]))


def question(number: int) -> str:
    """A client's message: its number, and room for a name."""
    return f"{number:08d} {'':<23}"


def answer_to(message: str, name: str) -> str:
    """As long as the question."""
    return f"{message[:8]} {name:<23}"


def read(answer: str) -> tuple[int, str]:
    """Number and worker of an answer. Raises ValueError for anything else."""
    return int(answer[:8]), answer[9:].strip()


def main() -> None:
    """Parses the command line and serves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--link", action="append", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    options = parser.parse_args()
    with Scribe(options.journal) as scribe:
        asyncio.run(_main(options, scribe))


async def _main(options: argparse.Namespace, scribe: Scribe) -> None:
    await Witness(options, scribe).run()


if __name__ == "__main__":
    main()
