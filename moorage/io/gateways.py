"""Which gateway a worker dials next: of several names, and of the several addresses behind one."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Collection, Iterator


def forever(gateways: tuple[str, ...]) -> Iterator[str]:
    """Round and round, in an order of this worker's own: a restarted gateway's workers spread over the others."""
    order = random.sample(gateways, len(gateways))
    while True:
        yield from order


async def addresses(host: str, port: int) -> list[str]:
    """All of a name's, as they are now: a headless Service names every gateway. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Choice:
    """Remembers which addresses did not answer: those come after all others."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    def one(self, found: Collection[str], besides: Collection[str] = ()) -> str:
        """Any one of the best: none of `besides`, and none that failed, as far as there are others."""
        if self._failed.issuperset(found):
            self._failed.clear()
        return random.choice(others(found, besides, self._failed))

    def failed(self, address: str) -> None:
        """It did not let this worker in, or the link over it broke."""
        self._failed.add(address)

    def answered(self) -> None:
        """Some address did: what failed before it is history."""
        self._failed.clear()


def others(found: Collection[str], besides: Collection[str], failed: Collection[str] = ()) -> list[str]:
    """Those that are neither; else those that are not `besides`; all where there is nothing else."""
    for avoided in ({*besides, *failed}, set(besides)):
        left = [each for each in found if each not in avoided]
        if left:
            return left
    return list(found)


def move_to_new(known: Collection[str], found: Collection[str], chance: Callable[[], float]) -> bool:
    """Whether to move to one of the addresses that were not there before. Each worker does with the part of all gateways that
    the new ones are: together they end up spread evenly, and only as many move as must.

    >>> move_to_new(["a", "b"], ["a", "b", "c"], lambda: 0.33), move_to_new(["a", "b"], ["a", "b", "c"], lambda: 0.34)
    (True, False)
    """
    new = set(found) - set(known)
    return bool(new) and chance() * len(found) < len(new)
