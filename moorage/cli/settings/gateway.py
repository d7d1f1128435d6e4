"""Settings of the gateway: its listeners, the bounds of what it relays, whom it believes."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from moorage.cli.settings.fields import Commas, Group, group, port_number, setting
from scheduler.values import Duplicates


class TlsGroup(Group):
    """Certificates of a listener."""

    enabled: bool = setting(False, "serve TLS; without files, `moorage up` makes a certificate for development")
    certificate: Path | None = setting(None, "PEM chain, read again on change and on SIGHUP")
    key: Path | None = setting(None, "PEM private key of the certificate")


class LimitsGroup(Group):
    """Bounds of one relayed connection; 0 turns a bound off."""

    frame_bytes: int = setting(1 << 20, "largest frame payload, each direction", "bytes", ge=0)
    message_bytes: int = setting(1 << 20, "largest message over its fragments, each direction", "bytes", ge=0)
    messages_per_second: float = setting(
        0.0, "messages, pings and small fragments a client may send, as a token bucket", "per second", ge=0
    )
    message_burst: int = setting(100, "depth of that bucket", "messages", ge=1)
    session_bytes: int = setting(0, "bytes of one session, both directions together", "bytes", ge=0)
    ping_every_seconds: float = setting(25.0, "a client that sent nothing for so long is pinged", "seconds", ge=0)
    pong_within_seconds: float = setting(10.0, "a pinged client that stays silent is given up", "seconds", gt=0)
    idle_seconds: float = setting(0.0, "a session with nothing but pings is closed", "seconds", ge=0)
    slow_client_seconds: float = setting(10.0, "a client that takes no byte for so long is cut", "seconds", ge=0)
    linger_seconds: float = setting(2.0, "time for a last close frame", "seconds", gt=0)
    buffer_bytes: int = setting(256 << 10, "held for one side before the other is read no more", "bytes", ge=4096)


class HandshakesGroup(Group):
    """Bounds of connecting."""

    header_bytes: int = setting(16 << 10, "largest upgrade request", "bytes", ge=1024, le=1 << 20)
    seconds: float = setting(10.0, "from accept to a whole request", "seconds", gt=0)
    in_progress: int = setting(2000, "handshakes under way at once", "connections", ge=1)
    in_progress_per_address: int = setting(500, "of them from one address", "connections", ge=1)
    connections: int = setting(0, "connections at once; 0 is half the descriptor limit", "connections", ge=0)
    connects_per_second_per_address: float = setting(100.0, "from one address; 0 is no limit", "per second", ge=0)
    connect_burst_per_address: int = setting(500, "depth of that bucket", "connections", ge=1)
    connects_per_second_per_key: float = setting(0.0, "of one API key; 0 is no limit", "per second", ge=0)
    connect_burst_per_key: int = setting(1000, "depth of that bucket", "connections", ge=1)


class TrustGroup(Group):
    """Whom to believe."""

    proxy_protocol_from: Commas[IPv4Network | IPv6Network] = setting(
        (), "peers that send PROXY protocol v1 or v2, and then must", "networks"
    )
    trusted_proxies: Commas[IPv4Network | IPv6Network] = setting(
        (), "peers whose X-Forwarded-For names the client", "networks"
    )
    worker_networks: Commas[IPv4Network | IPv6Network] = setting(
        (), "where workers may live; empty is private and loopback addresses", "networks"
    )
    origins: Commas[str] = setting((), "allowed Origin values, https://*.example.com allowed; empty is all")
    allows_query_token: bool = setting(True, "accept ?token=, which ends up in other people's logs")


class GatewayGroup(Group):
    """The gateway: clients' WebSockets and the workers' link."""

    host: str = setting("", "address for clients; empty is `host`")
    port: int = port_number(7400, "port for clients")
    link_host: str = setting("", "address for workers' links; empty is `host`")
    link_port: int = port_number(7403, "port for workers' links; keep it internal")
    dialout_port: int = port_number(
        0, "port for workers that dial out, on link_host and with link_tls; keep it internal"
    )
    dialout_address: str = setting(
        "", "http:// or https:// address of that port for workers; empty is made from link_host, the port and link_tls"
    )
    node: str = setting("", "public ws:// or wss:// address that sessions get; empty is made from host, port and tls")
    tls: TlsGroup = group(TlsGroup, "for clients")
    link_tls: TlsGroup = group(TlsGroup, "for workers' links")
    wire: Literal["auto", "compiled", "pure"] = setting("auto", "which relay runs")
    region: str = setting("", "serve only sessions that may be in this region; empty is all")
    limits: LimitsGroup = group(LimitsGroup, "of a connection")
    handshakes: HandshakesGroup = group(HandshakesGroup, "of connecting")
    trust: TrustGroup = group(TrustGroup, "in addresses and origins")
    duplicates: Duplicates = setting(
        Duplicates.REPLACE, "a second connection to a session replaces the first, or is rejected"
    )
    wait_seconds: float = setting(30.0, "longest wait in the admission queue", "seconds", ge=0)
    resume_seconds: float = setting(30.0, "a session whose client is gone keeps its slot", "seconds", ge=0)
    drain_seconds: float = setting(30.0, "over which sessions are told to reconnect at a stop", "seconds", ge=0)
    checkpoint_seconds: float = setting(30.0, "between two reports of a live session's usage", "seconds", gt=0)
