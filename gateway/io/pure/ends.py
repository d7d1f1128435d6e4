"""What a relay on two links is made of: its states, its terms, its two ends. The hot path is `End.data_received`."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass
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


class End(asyncio.Protocol):
    """One side: its link, the walk of what it sends, what it has yet to be told. The link's receiver.

    Without TLS it is the transport's protocol itself, so that bytes do not pass through the link's `data_received`.
    """

    __slots__ = (
        "_feed",
        "_now",
        "_put_other",
        "early",
        "finishing",
        "flows",
        "gone",
        "heard_at",
        "hung_at",
        "is_holding",
        "is_paused",
        "link",
        "other",
        "put_seen",
        "relay",
        "shut_at",
        "side",
        "tail",
        "taken_at",
        "walk",
    )

    other: End

    def __init__(self, side: Side, given: tuple[Link, bytes], walk: Walk, relay: Relay) -> None:
        self.side = side
        self.link, self.early = given  # `early` was read before the relay began
        self.walk = walk
        self.relay = relay
        self.heard_at = self.taken_at = relay.now()
        self.flows = False  # nothing but the walk stands between what comes and the other side; see Relay.retune
        self.put_seen = 0  # bytes the kernel had taken when last looked
        self.is_holding = self.link.held_bytes > 0
        self.is_paused = False
        self.finishing = False
        self.gone = False  # its descriptor is closed, or about to be
        self.tail = b""
        self.shut_at = 0.0
        self.hung_at = 0.0  # when its peer was seen to have left while nothing was read; 0.0: it has not
        self._feed = walk.feed
        self._now = relay.now

    def join(self, other: End) -> None:
        """From here on it is the link's receiver, and `other` where its bytes go."""
        self.other = other
        self._put_other = other.link.write if other.link.is_tls else other.link.transport.write
        self.link.receiver = self
        if not self.link.is_tls:
            self.link.transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of this side, decrypted where TLS runs: one call into the walk and one write."""
        if not self.flows:
            self.relay.came(self, data)
            return
        now = self.heard_at = self._now()
        self._put_other(self._feed(data, now))
        if not self.walk.is_clear:
            self.relay.look(self)

    came = data_received

    def eof_received(self) -> bool:
        return self.link.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.connection_lost(exc)

    def pause_writing(self) -> None:
        self.link.pause_writing()

    def resume_writing(self) -> None:
        self.link.resume_writing()

    def ended(self, error: Exception | None) -> None:
        if self.early and error is None:
            return  # what came before is looked at first, and then the link's end
        self.relay.came_to_end(self, is_reset=error is not None)

    def filled(self) -> None:
        self.relay.filled(self)

    def took(self) -> None:
        self.relay.took(self)

    def closed(self) -> None:
        self.relay.lost(self)

    def has_peer_left(self) -> bool:
        """Whether a FIN or a reset waits behind bytes that nobody reads: the transport looks only while it reads."""
        if self.link.is_closed:
            return False
        looking = select.poll()
        looking.register(self.link.transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(looking.poll(0))
