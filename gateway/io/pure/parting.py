"""How a relay on two links ends once its owner has answered: farewells at a boundary, half-closes, both descriptors closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.frames import close_frame
from gateway.io.pure.ends import End, State
from gateway.relay import Cause, Close, Farewell

if TYPE_CHECKING:
    from gateway.io.pure.relaying import Relay


def part(relay: Relay, farewell: Farewell) -> None:
    """Says the farewells, or keeps them for the next boundary; from here on what comes is dropped."""
    relay.state = State.PARTING
    relay.decided_at = relay.now()
    _say(relay, relay.client, farewell.client, b"")
    _say(relay, relay.worker, farewell.worker, relay.terms.draw_mask())
    for end in relay.ends:
        if end.early and not end.gone:
            relay.replay(end)
        finish_if_written(relay, end)
        if not (end.other.tail and end.other.link.held_bytes):
            relay.read_again(end)
    bid_goodbye(relay)


def finish_if_written(relay: Relay, end: End) -> None:
    """Half-closes a side that has been told everything, closes it when its peer is done too."""
    if end.gone or not end.finishing or end.tail or end.link.held_bytes:
        return
    if not end.link.is_shut:
        end.link.half_close()
        end.shut_at = relay.now()
    if end.link.has_ended and not end.link.held_bytes:
        close(end, is_reset=False)


def close(end: End, *, is_reset: bool) -> None:
    """Closes one side's descriptor, at once where anything is still held for it."""
    if end.link.is_closed:
        end.gone = True
    elif is_reset or end.link.held_bytes:
        end.link.transport.abort()
    else:
        end.link.transport.close()


def bid_goodbye(relay: Relay) -> None:
    """The owner's last call, once both descriptors are closed."""
    if relay.state is State.PARTING and relay.client.gone and relay.worker.gone:
        relay.state = State.OVER
        relay.terms.over(relay)
        relay.terms.owner.relay_closed(relay.traffic())


def check(relay: Relay, end: End, now: float) -> None:
    """What time does to a side that is parting."""
    if end.gone:
        return
    linger = relay.limits.linger_seconds
    patience = linger
    if relay.cause not in (Cause.SLOW, Cause.SILENT):
        patience = max(patience, relay.limits.slow_client_seconds)
    if end.link.is_shut:
        if now >= end.shut_at + linger:
            close(end, is_reset=True)
    elif end.tail and now >= relay.decided_at + linger:
        end.tail = b""
        finish_if_written(relay, end)
    elif end.link.held_bytes and now >= relay.decided_at + patience:
        close(end, is_reset=True)


def _say(relay: Relay, end: End, told: Close | None, mask: bytes) -> None:
    source = end.other
    end.finishing = True
    if told is None or end.gone or source.walk.close_seen:
        return
    frame = close_frame(told.code, told.reason, mask)
    is_silent = relay.cause is Cause.SILENT and source is relay.client
    if source.walk.at_boundary:
        relay.put(end, frame)
    elif not source.gone and not source.link.has_ended and not is_silent:
        end.tail = frame
