"""How one worker behaves: what its constructor is given, filled up from moorage/io/worker_environment.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlsplit

from moorage import dialout
from moorage.link import MAX_LABELS, MAX_SESSIONS, MAX_TEXT, PATH, Pod

DEFAULT_LINK = "ws://127.0.0.1:7403/link"
DEFAULT_SLOTS = 10
DEFAULT_DRAIN_SECONDS = 30.0
OPEN_SECONDS = 5.0  # an upgrade on a socket that is there
CLOSE_SECONDS = 2.0  # a client's answer to a close
LET_IN_SECONDS = 15.0  # a join key may reach the gateways later than the first worker
LET_IN_FROM_FILE_SECONDS = 180.0  # a mounted Secret reaches this pod and the control plane's up to two minutes apart
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Checked. Times in seconds."""

    slots: int
    pool: str
    region: str
    name: str
    gateways: tuple[str, ...]
    join_key: str = field(repr=False)
    host: str
    port: int  # 0 takes any free one; of one that dials out, for probes only, and 0 is none
    address: (
        str  # what gateways dial; '' is made from the link's own address and the port; dialout.ADDRESS: nothing listens
    )
    labels: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    version: str = ""
    pod: Pod | None = None
    link_ssl: SSLContext | None = None
    link_ca_file: Path | None = None  # instead of link_ssl; read at each dial
    join_key_file: Path | None = None  # where join_key was read from, and is read at each dial
    pod_ip: str = ""  # advertised where the link's own address would be
    drain_seconds: float = DEFAULT_DRAIN_SECONDS  # after SIGTERM, how long sessions may finish
    grace_seconds: float = 10.0  # how long a handler may clean up after its session ended
    resume_slack: float = 5.0  # the store's timer of a suspended session goes first; ours is for who cannot hear it
    let_in_seconds: float = LET_IN_SECONDS  # how long refusals of the first registration are borne
    max_size: int = 1 << 20  # bytes of one message
    max_queue: int = 4  # messages read ahead of the handler, per session
    compression: str | None = None  # "deflate" costs about 40 KiB per session

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MAX_SESSIONS:
            raise ValueError(f"slots is from 1 to {MAX_SESSIONS}, not {self.slots}")
        if not self.gateways:
            raise ValueError("a worker needs at least one gateway: gateways=[...] or MOORAGE_LINK")
        if not self.join_key:
            raise ValueError("a worker needs a join key: join_key=..., MOORAGE_JOIN_KEY or MOORAGE_JOIN_KEY_FILE")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is from 0 to 65535, not {self.port}")
        if len(self.labels) > MAX_LABELS:
            raise ValueError(f"at most {MAX_LABELS} labels")
        texts = (self.pool, self.region, self.name, self.version, *(text for pair in self.labels for text in pair))
        if any(len(text) > MAX_TEXT for text in texts):
            raise ValueError(f"pool, region, name, version and labels have at most {MAX_TEXT} characters")

    @property
    def dials_out(self) -> bool:
        """Whether it opens its connections itself, and listens for nothing but probes."""
        return self.address == dialout.ADDRESS

    def advertised(self, local_host: str, port: int) -> str:
        """`ip:port` for a worker whose link leaves from `local_host`."""
        if self.address:
            return self.address
        host = (self.pod_ip or local_host) if self.host in ("", "0.0.0.0", "::", "localhost") else self.host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def gateway_urls(said: str) -> tuple[str, ...]:
    """From a comma-separated list of `ws(s)://host[:port][/link]`. Raises ValueError naming the wrong one.

    >>> gateway_urls("ws://gateway:7403, wss://other")
    ('ws://gateway:7403/link', 'wss://other:7403/link')
    """
    return tuple(_gateway_url(each.strip()) for each in said.split(",") if each.strip())


def _gateway_url(said: str) -> str:
    parts = urlsplit(said)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"a gateway is ws://host:7403 or wss://host:7403, not {said[:80]!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 7403}{parts.path if parts.path not in ('', '/') else PATH}"


def default_host(gateways: tuple[str, ...], pod_ip: str = "") -> str:
    """Loopback where every gateway is: nobody else can reach a worker on a laptop. A pod's probes come from outside."""
    if pod_ip:
        return "::" if ":" in pod_ip else "0.0.0.0"
    return "127.0.0.1" if all(urlsplit(each).hostname in LOOPBACK for each in gateways) else "0.0.0.0"
