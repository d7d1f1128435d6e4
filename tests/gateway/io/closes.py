"""The close frames that both ends of a relay get."""

from __future__ import annotations

from gateway.relay import Limits
from tests.gateway.io.rig import Pair
from tests.gateway.walks import masked

BRIEF = Limits(linger_seconds=0.3)


async def read_close(pair: Pair) -> tuple[int, bytes]:
    """The close frame the client gets."""
    first, size = await pair.client.receive(2)
    payload = await pair.client.receive(size)
    assert first == 0x88
    return int.from_bytes(payload[:2], "big"), payload[2:]


async def read_masked_close(pair: Pair) -> tuple[int, bytes]:
    """The close frame the worker gets."""
    first, size = await pair.worker.receive(2)
    mask = await pair.worker.receive(4)
    payload = masked(await pair.worker.receive(size & 127), mask)
    assert first == 0x88
    return int.from_bytes(payload[:2], "big"), payload[2:]
