"""Which gateway a worker dials next."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator


def forever(gateways: tuple[str, ...]) -> Iterator[str]:
    """Round and round, in an order of this worker's own: a restarted gateway's workers spread over the others."""
    order = random.sample(gateways, len(gateways))
    while True:
        yield from order


async def one_address(host: str, port: int, besides: str = "") -> str:
    """Any one of a name's addresses: a headless service names every gateway. Not `besides` where there are others."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return random.choice(others([str(each[4][0]) for each in found], besides))


def others(addresses: list[str], besides: str) -> list[str]:
    """Those that are not `besides`, or all where there is nothing else."""
    return [each for each in addresses if each != besides] or addresses
