"""The defaults of a gateway are safe and fit together."""

from __future__ import annotations

from gateway.policy import GatewayPolicy
from moorage.deadlines import DIAL, DIAL_CANDIDATES, RESERVATION
from scheduler.values import Duplicates


def test_a_gateway_listens_on_loopback_and_trusts_nobody_unless_told() -> None:
    policy = GatewayPolicy()

    assert (policy.host, policy.link_host) == ("127.0.0.1", "127.0.0.1")
    assert policy.trust.trusted_proxies == policy.trust.proxy_protocol_from == ()
    assert policy.duplicates is Duplicates.REPLACE


def test_every_wait_and_every_buffer_has_a_bound() -> None:
    policy = GatewayPolicy()

    assert 0 < policy.handshakes.seconds < policy.wait_seconds
    assert 0 < policy.handshakes.in_progress_per_address < policy.handshakes.in_progress
    assert policy.handshakes.header_bytes >= 8192 + 2048  # the largest token fits, and its request around it
    assert policy.limits.buffer_bytes > 0
    assert policy.limits.frame_bytes <= policy.limits.message_bytes
    assert policy.limits.pong_within_seconds < policy.limits.ping_every_seconds
    assert DIAL * DIAL_CANDIDATES < RESERVATION
