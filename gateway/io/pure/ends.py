"""What a relay on two links is made of: its states, its terms, its two ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from gateway.frames import Walk
from gateway.io.pure.link import Link
from gateway.relay import Limits, Owner, Side

if TYPE_CHECKING:
    from gateway.io.pure.relaying import Relay


class State(Enum):
    NEW = auto()  # what came before it has yet to be walked
    OPEN = auto()
    CLOSING = auto()  # one close frame has passed
    DECIDED = auto()  # the owner has yet to hear of it
    PARTING = auto()  # farewells under way, what comes is dropped
    OVER = auto()  # both descriptors are closed


RUNNING = (State.NEW, State.OPEN, State.CLOSING)


@dataclass(slots=True)
class Terms:
    """What a relay is made with."""

    loop: asyncio.AbstractEventLoop
    limits: Limits
    owner: Owner
    tag: bytes
    draw_mask: Callable[[], bytes]
    over: Callable[[Relay], None]


@dataclass(slots=True, eq=False)
class End:
    """One side: its link, the walk of what it sends, what it has yet to be told. The link's receiver."""

    side: Side
    link: Link
    walk: Walk
    relay: Relay
    heard_at: float
    taken_at: float
    put_seen: int = 0  # bytes the kernel had taken when last looked
    is_paused: bool = False
    finishing: bool = False
    gone: bool = False  # its descriptor is closed, or about to be
    tail: bytes = b""
    shut_at: float = 0.0
    early: bytes = field(default=b"")  # read before the relay began

    def came(self, data: bytes) -> None:
        self.relay.came(self, data)

    def ended(self, error: Exception | None) -> None:
        if self.early and error is None:
            return  # what came before is looked at first, and then the link's end
        self.relay.came_to_end(self, is_reset=error is not None)

    def took(self) -> None:
        self.relay.took(self)

    def closed(self) -> None:
        self.relay.lost(self)
