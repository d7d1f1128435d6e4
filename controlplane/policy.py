"""Everything the control plane can be told, as one frozen value. Times in seconds; nothing here reads settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType

from moorage.deadlines import RESUME, WORKER_LOST_AFTER
from scheduler.values import Concurrency, Labels

Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a quality or a feature asks of workers. No pools takes any pool."""

    pools: tuple[str, ...] = ()
    labels: Labels = frozenset()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests of one API key; 0 is no limit."""

    per_minute: int = 100
    per_hour: int = 1000


NO_RATE_LIMIT = RateLimit(0, 0)
USUAL_CONCURRENCY = Concurrency(per_user=10, per_key=10, per_workspace=100)


@dataclass(frozen=True, slots=True)
class JoinKeyFile:
    """A file that holds the key of one pool. "*" is any pool or region."""

    file: Path
    pool: str
    region: str = "*"


QUALITIES: Mapping[str, Offer] = MappingProxyType({"standard": Offer(), "high": Offer(), "premium": Offer()})
NO_FEATURES: Mapping[str, Offer] = MappingProxyType({})
NO_JOIN_KEYS: Mapping[str, JoinKeyFile] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLimits:
    """Bounds of whatever is asked of the database."""

    busy_seconds: float = 5.0  # longest wait for a lock or a free connection
    connections: int = 10
    connect_seconds: float = 3.0
    statement_seconds: float = 10.0
    idle_seconds: float = 10.0  # inside a transaction
    migrate_seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlanePolicy:
    """How one control plane behaves."""

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 7401  # 0 takes a free one
    database_url: str = field(
        default="", repr=False
    )  # SQLAlchemy's, may hold a password; empty is SQLite in the data folder
    node_url: str = ""  # what clients are told to connect to; empty takes the address of a live gateway
    session_ttl_seconds: float = 3600.0
    max_session_seconds: float = 86_400.0
    connect_within_seconds: float = 300.0
    token_ttl_seconds: float = 3600.0  # of connecting; never past the session's own end
    concurrency: Concurrency = USUAL_CONCURRENCY  # 0 is no limit
    rate_limit: RateLimit = RateLimit()
    body_bytes: int = 1 << 20
    body_seconds: float = 30.0  # longest wait for a whole body
    connections: int = 1000
    busy_seconds: float = 5.0  # these six are DatabaseLimits
    database_connections: int = 10
    database_connect_seconds: float = 3.0
    database_statement_seconds: float = 10.0
    database_idle_seconds: float = 10.0
    database_migrate_seconds: float = 300.0
    idempotency_seconds: float = 86_400.0
    qualities: Mapping[str, Offer] = field(default_factory=lambda: QUALITIES)
    features: Mapping[str, Offer] = field(default_factory=lambda: NO_FEATURES)  # others are passed on as they are
    worker_networks: tuple[Network, ...] = PRIVATE_NETWORKS
    lease_seconds: float = WORKER_LOST_AFTER  # as the scheduler has it; workers over REST are told
    resume_seconds: float = RESUME  # as the gateways have it; the same
    sweep_every_seconds: float = 1.0
    admin_key: str = field(default="", repr=False)  # presets the bootstrap keys
    join_key: str = field(default="", repr=False)
    join_keys: Mapping[str, JoinKeyFile] = field(default_factory=lambda: NO_JOIN_KEYS)  # by a name of the operator's
    makes_join_key: bool = True  # one for any pool, kept in the data folder, where none is preset

    @property
    def database_limits(self) -> DatabaseLimits:
        """What the database layer is given."""
        return DatabaseLimits(
            busy_seconds=self.busy_seconds,
            connections=self.database_connections,
            connect_seconds=self.database_connect_seconds,
            statement_seconds=self.database_statement_seconds,
            idle_seconds=self.database_idle_seconds,
            migrate_seconds=self.database_migrate_seconds,
        )
