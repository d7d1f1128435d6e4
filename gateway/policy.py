"""How one gateway behaves: every bound and choice, with its default. The settings of the programs fill it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from gateway.relay import Limits
from moorage.deadlines import RESUME
from scheduler.values import Duplicates

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files, read again on change and on SIGHUP."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Handshakes:
    """Bounds of an upgrade."""

    header_bytes: int = 16 << 10
    seconds: float = 10.0  # from accept to a whole request
    in_progress: int = 2000  # less those that wait for a slot: they must not keep sessions from resuming
    in_progress_per_address: int = 500  # so that one slow address cannot fill the table
    connections: int = 0  # in total; 0 is half the descriptor limit less a reserve
    connects_per_second_per_address: float = 100.0  # 0 is no limit
    connect_burst_per_address: int = 500
    connects_per_second_per_key: float = 0.0
    connect_burst_per_key: int = 1000


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe about what."""

    proxy_protocol_from: Networks = ()  # peers that send PROXY v1 or v2, and then must
    trusted_proxies: Networks = ()  # whose X-Forwarded-For names the client
    worker_networks: Networks = ()  # where workers may live; empty is private and loopback addresses
    origins: tuple[
        str, ...
    ] = ()  # allowed Origin values, "https://*.example.com" with one wildcard label; empty is all
    allows_query_token: bool = True


@dataclass(frozen=True, slots=True)
class GatewayPolicy:
    """One gateway."""

    host: str = "127.0.0.1"
    port: int = 7400
    link_host: str = "127.0.0.1"
    link_port: int = 7403
    dialout_port: int = (
        0  # for workers that dial out, beside the link, on its host and with its TLS; 0 takes a free one
    )
    dialout_address: str = ""  # http(s)://host:port by which they reach that port; empty: made from host, port and TLS
    node: str = ""  # public ws:// or wss:// address of this gateway; empty: made from host, port and tls
    tls: TlsFiles | None = None
    link_tls: TlsFiles | None = None
    wire: str = "auto"  # auto | compiled | pure
    region: str = ""  # only sessions that may be served here; empty: all
    limits: Limits = field(default_factory=Limits)
    handshakes: Handshakes = field(default_factory=Handshakes)
    trust: Trust = field(default_factory=Trust)
    duplicates: Duplicates = Duplicates.REPLACE
    wait_seconds: float = 30.0  # in the admission queue
    resume_seconds: float = RESUME
    drain_seconds: float = 30.0
    checkpoint_seconds: float = 30.0
