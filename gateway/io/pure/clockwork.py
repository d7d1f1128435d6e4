"""What time does to a relay on two links: looked at a few times a second, so that no byte needs a timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.io.pure import parting
from gateway.io.pure.ends import RUNNING, End, State
from gateway.relay import Cause

if TYPE_CHECKING:
    from gateway.io.pure.relaying import Relay


def check(relay: Relay, now: float) -> None:
    """One look at one relay."""
    for end in relay.ends:
        _notice_taking(end, now)
    if relay.state is State.PARTING:
        for end in relay.ends:
            parting.check(relay, end, now)
    elif relay.state in RUNNING:
        _notice_data(relay, now)
        for end in relay.ends:
            _notice_leaving(relay, end, now)
        _check_running(relay, now)


def _notice_taking(end: End, now: float) -> None:
    if not end.is_holding:
        return
    taken = end.link.put_bytes - end.link.held_bytes
    if taken > end.put_seen:
        end.put_seen = taken
        end.taken_at = now


def _notice_data(relay: Relay, now: float) -> None:
    messages = relay.client.walk.messages + relay.worker.walk.messages
    if messages != relay.messages_seen:
        relay.messages_seen = messages
        relay.data_at = now


def _notice_leaving(relay: Relay, end: End, now: float) -> None:
    """A peer that left while it is not read: what it sent before is read if the other side takes the rest in time."""
    if not end.is_paused:
        return
    if not end.hung_at:
        end.hung_at = now if end.has_peer_left() else 0.0
    elif now >= end.hung_at + relay.limits.linger_seconds:
        relay.came_to_end(end, is_reset=True)


def _check_running(relay: Relay, now: float) -> None:
    limits, client = relay.limits, relay.client
    held = client.link.held_bytes
    if relay.state is State.CLOSING and now >= relay.closing_at + limits.linger_seconds:
        relay.decide(Cause.CLOSED, relay.first_closer)
    elif limits.slow_client_seconds and held and now >= client.taken_at + limits.slow_client_seconds:
        relay.decide(Cause.SLOW, client)
    elif limits.idle_seconds and now >= relay.data_at + limits.idle_seconds:
        relay.decide(Cause.IDLE, None)
    elif relay.pinged_at and client.heard_at >= relay.pinged_at:
        relay.pinged_at = 0.0
    elif relay.pinged_at:
        if now >= relay.pinged_at + limits.pong_within_seconds and not client.is_paused and not held:
            _give_up_silent(relay, now)
    elif limits.ping_every_seconds and now >= client.heard_at + limits.ping_every_seconds and not client.is_paused:
        relay.want_ping()


def _give_up_silent(relay: Relay, now: float) -> None:
    """A client that still drains what the kernel holds for it has not seen the ping yet: it gets more time."""
    left = relay.client.link.unacknowledged_bytes
    if left == 0 or left >= relay.unacknowledged:
        relay.decide(Cause.SILENT, relay.client)
        return
    relay.unacknowledged, relay.pinged_at = left, now
