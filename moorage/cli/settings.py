"""Every setting: its name, default, unit, bounds and meaning. docs/configuration.md is printed from here.

A name is the same everywhere: `gateway.limits.frame_bytes` is `[gateway.limits] frame_bytes` in TOML and
`MOORAGE_GATEWAY__LIMITS__FRAME_BYTES` in the environment. Two underscores, because Kubernetes puts variables like
MOORAGE_GATEWAY_PORT=tcp://10.0.0.1:7400 into every pod beside a Service of that name. Reads nothing itself: see sources.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from scheduler.values import Duplicates

PREFIX = "MOORAGE_"
DELIMITER = "__"

_T = TypeVar("_T")


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Commas = Annotated[tuple[_T, ...], NoDecode, BeforeValidator(_split)]
"""A list; in the environment with commas."""


def _setting(default: object, about: str, unit: str = "", **bounds: Any) -> Any:
    return Field(default=default, description=about, json_schema_extra={"unit": unit}, **bounds)


def _group(kind: type[BaseModel], about: str) -> Any:
    return Field(default_factory=kind, description=about)


def _port(default: int, about: str) -> Any:
    return _setting(default, f"{about}; 0 takes a free one", ge=0, le=65535)


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsGroup(Group):
    """Certificates of a listener."""

    enabled: bool = _setting(False, "serve TLS; without files, `moorage up` makes a certificate for development")
    certificate: Path | None = _setting(None, "PEM chain, read again on change and on SIGHUP")
    key: Path | None = _setting(None, "PEM private key of the certificate")


class LimitsGroup(Group):
    """Bounds of one relayed connection; 0 turns a bound off."""

    frame_bytes: int = _setting(1 << 20, "largest frame payload, each direction", "bytes", ge=0)
    message_bytes: int = _setting(1 << 20, "largest message over its fragments, each direction", "bytes", ge=0)
    messages_per_second: float = _setting(
        0.0, "messages, pings and small fragments a client may send, as a token bucket", "per second", ge=0
    )
    message_burst: int = _setting(100, "depth of that bucket", "messages", ge=1)
    session_bytes: int = _setting(0, "bytes of one session, both directions together", "bytes", ge=0)
    ping_every_seconds: float = _setting(25.0, "a client that sent nothing for so long is pinged", "seconds", ge=0)
    pong_within_seconds: float = _setting(10.0, "a pinged client that stays silent is given up", "seconds", gt=0)
    idle_seconds: float = _setting(0.0, "a session with nothing but pings is closed", "seconds", ge=0)
    slow_client_seconds: float = _setting(10.0, "a client that takes no byte for so long is cut", "seconds", ge=0)
    linger_seconds: float = _setting(2.0, "time for a last close frame", "seconds", gt=0)
    buffer_bytes: int = _setting(256 << 10, "held for one side before the other is read no more", "bytes", ge=4096)


class HandshakesGroup(Group):
    """Bounds of connecting."""

    header_bytes: int = _setting(16 << 10, "largest upgrade request", "bytes", ge=1024, le=1 << 20)
    seconds: float = _setting(10.0, "from accept to a whole request", "seconds", gt=0)
    in_progress: int = _setting(2000, "handshakes under way at once", "connections", ge=1)
    in_progress_per_address: int = _setting(500, "of them from one address", "connections", ge=1)
    connections: int = _setting(0, "connections at once; 0 is half the descriptor limit", "connections", ge=0)
    connects_per_second_per_address: float = _setting(100.0, "from one address; 0 is no limit", "per second", ge=0)
    connect_burst_per_address: int = _setting(500, "depth of that bucket", "connections", ge=1)
    connects_per_second_per_key: float = _setting(0.0, "of one API key; 0 is no limit", "per second", ge=0)
    connect_burst_per_key: int = _setting(1000, "depth of that bucket", "connections", ge=1)


class TrustGroup(Group):
    """Whom to believe."""

    proxy_protocol_from: Commas[IPv4Network | IPv6Network] = _setting(
        (), "peers that send PROXY protocol v1 or v2, and then must", "networks"
    )
    trusted_proxies: Commas[IPv4Network | IPv6Network] = _setting(
        (), "peers whose X-Forwarded-For names the client", "networks"
    )
    worker_networks: Commas[IPv4Network | IPv6Network] = _setting(
        (), "where workers may live; empty is private and loopback addresses", "networks"
    )
    origins: Commas[str] = _setting((), "allowed Origin values, https://*.example.com allowed; empty is all")
    allows_query_token: bool = _setting(True, "accept ?token=, which ends up in other people's logs")


class GatewayGroup(Group):
    """The gateway: clients' WebSockets and the workers' link."""

    host: str = _setting("", "address for clients; empty is `host`")
    port: int = _port(7400, "port for clients")
    link_host: str = _setting("", "address for workers' links; empty is `host`")
    link_port: int = _port(7403, "port for workers' links; keep it internal")
    dialout_port: int = _port(0, "port for workers that dial out, on link_host and with link_tls; keep it internal")
    dialout_address: str = _setting(
        "", "http:// or https:// address of that port for workers; empty is made from link_host, the port and link_tls"
    )
    node: str = _setting("", "public ws:// or wss:// address that sessions get; empty is made from host, port and tls")
    tls: TlsGroup = _group(TlsGroup, "for clients")
    link_tls: TlsGroup = _group(TlsGroup, "for workers' links")
    wire: Literal["auto", "compiled", "pure"] = _setting("auto", "which relay runs")
    region: str = _setting("", "serve only sessions that may be in this region; empty is all")
    limits: LimitsGroup = _group(LimitsGroup, "of a connection")
    handshakes: HandshakesGroup = _group(HandshakesGroup, "of connecting")
    trust: TrustGroup = _group(TrustGroup, "in addresses and origins")
    duplicates: Duplicates = _setting(
        Duplicates.REPLACE, "a second connection to a session replaces the first, or is rejected"
    )
    wait_seconds: float = _setting(30.0, "longest wait in the admission queue", "seconds", ge=0)
    resume_seconds: float = _setting(30.0, "a session whose client is gone keeps its slot", "seconds", ge=0)
    drain_seconds: float = _setting(30.0, "over which sessions are told to reconnect at a stop", "seconds", ge=0)
    checkpoint_seconds: float = _setting(30.0, "between two reports of a live session's usage", "seconds", gt=0)


class StoreGroup(Group):
    """Where the fleet's state is."""

    url: str = _setting(
        "",
        "redis://, rediss:// or unix:// address; empty is memory, or with `up.gateways` a server that is started here",
    )
    wait_seconds: float = _setting(10.0, "how long a start waits for a store that does not answer", "seconds", ge=0)


class SchedulerGroup(Group):
    """Which worker gets a session, and how long silence is borne."""

    soft_cap: float = _setting(0.9, "part of a worker's slots that is filled before the next worker's", gt=0, le=1)
    reservation: float = _setting(10.0, "a reserved slot that nobody took is free again", "seconds", gt=0)
    suspect_after: float = _setting(3.0, "a worker silent for so long gets no new sessions", "seconds", gt=0)
    worker_lost_after: float = _setting(5.0, "a worker silent for so long is lost", "seconds", gt=0)
    gateway_lost_after: float = _setting(15.0, "a gateway silent for so long is lost", "seconds", gt=0)
    mass_lapse_workers: int = _setting(
        3, "if so many workers and half of a region go silent together, the link is at fault", "workers", ge=1
    )
    complaints: int = _setting(3, "so many sessions that could not reach a worker make it suspect", "sessions", ge=1)
    complaint_seconds: float = _setting(60.0, "for how long such a complaint counts", "seconds", gt=0)
    suspicion_seconds: float = _setting(3.0, "a worker under complaint stays suspect at least so long", "seconds", gt=0)
    probe_seconds: float = _setting(2.0, "a holder that answers no probe by then is dead", "seconds", gt=0)
    full_retry_seconds: float = _setting(2.0, "`retry_after` of a refusal for want of room", "seconds", gt=0)
    queue_waiters: int = _setting(10_000, "clients in the admission queue", "clients", ge=0)
    queue_waiters_per_workspace: int = _setting(5_000, "of them of one workspace", "clients", ge=0)
    events: int = _setting(1_000_000, "not yet acknowledged; beyond it nothing new is placed", "events", ge=1)
    notices_per_gateway: int = _setting(100_000, "waiting for one gateway", "notices", ge=1)
    directives_per_worker: int = _setting(10_000, "waiting for one worker", "orders", ge=1)
    end_records: int = _setting(20_000, "of ended sessions, kept for late enders", "sessions", ge=1)
    tombstones: int = _setting(1_000_000, "ids of ended and revoked sessions kept", "sessions", ge=1)
    tombstone_seconds: float = _setting(86_400.0, "at least so long after an end", "seconds", ge=0)
    drain_rate_per_second: float = _setting(
        500.0, "sessions told to move, over all drains together", "per second", gt=0, le=1_000_000
    )
    drain_kept_seconds: float = _setting(86_400.0, "a drain that is over can be read so long", "seconds", ge=0)
    drains_kept: int = _setting(1_000, "of them; the oldest go first", "drains", ge=0)


class OfferGroup(Group):
    """What a quality or a feature asks of workers."""

    pools: tuple[str, ...] = ()
    labels: dict[str, str] = {}


class ConcurrencyGroup(Group):
    """Live sessions at once; 0 is no limit."""

    per_user: int = _setting(10, "of one user", "sessions", ge=0)
    per_key: int = _setting(10, "made with one API key", "sessions", ge=0)
    per_workspace: int = _setting(100, "of one workspace", "sessions", ge=0)


class RateLimitGroup(Group):
    """REST requests of one API key; 0 is no limit. The admin key has none."""

    per_minute: int = _setting(100, "requests", "per minute", ge=0)
    per_hour: int = _setting(1000, "requests", "per hour", ge=0)


class ControlPlaneGroup(Group):
    """The REST API."""

    host: str = _setting("", "address of the API; empty is `host`")
    port: int = _port(7401, "port of the API and its documentation")
    database_url: SecretStr | None = _setting(  # it may hold a password
        None,
        "postgresql://user:password@host/database, with ?pgbouncer=1 behind PgBouncer; empty is SQLite in the data folder",
    )
    database_connections: int = _setting(10, "to PostgreSQL at once, of each control plane", "connections", ge=2)
    database_connect_seconds: float = _setting(3.0, "longest wait for a connection to open", "seconds", gt=0)
    database_statement_seconds: float = _setting(10.0, "longest run of one statement on PostgreSQL", "seconds", gt=0)
    database_idle_seconds: float = _setting(
        10.0, "PostgreSQL ends a transaction that does nothing for so long", "seconds", gt=0
    )
    database_migrate_seconds: float = _setting(
        300.0, "longest run of a migration at start, and wait for another control plane's", "seconds", gt=0
    )
    node_url: str = _setting("", "what clients are told to connect to; empty is the address of a live gateway")
    session_ttl_seconds: float = _setting(3600.0, "a session's time to live unless asked otherwise", "seconds", gt=0)
    max_session_seconds: float = _setting(86_400.0, "longest life, refreshes included", "seconds", gt=0)
    connect_within_seconds: float = _setting(300.0, "a session nobody connects to expires", "seconds", gt=0)
    token_ttl_seconds: float = _setting(3600.0, "for how long a token can connect", "seconds", gt=0)
    concurrency: ConcurrencyGroup = _group(ConcurrencyGroup, "live sessions at once")
    rate_limit: RateLimitGroup = _group(RateLimitGroup, "requests of one API key")
    body_bytes: int = _setting(1 << 20, "largest request body", "bytes", ge=1024)
    body_seconds: float = _setting(30.0, "longest wait for a whole body", "seconds", gt=0)
    connections: int = _setting(1000, "HTTP connections at once", "connections", ge=1)
    busy_seconds: float = _setting(5.0, "longest wait for the database: a lock, or a free connection", "seconds", gt=0)
    idempotency_seconds: float = _setting(86_400.0, "answers are kept for their Idempotency-Key", "seconds", ge=0)
    qualities: dict[str, OfferGroup] = _setting(
        {"standard": OfferGroup(), "high": OfferGroup(), "premium": OfferGroup()},
        "what each quality asks of workers: pools and labels",
    )
    features: dict[str, OfferGroup] = _setting({}, "what each feature asks of workers; others are passed on")
    sweep_every_seconds: float = _setting(1.0, "between two looks at overdue sessions", "seconds", gt=0)


class SigningGroup(Group):
    """What signs session tokens. Without a key of your own, a shared secret is made and kept in the data folder."""

    key: Path | None = _setting(None, "PEM private key (Ed25519) that signs; its file's name is its kid")
    next_keys: Commas[Path] = _setting((), "PEM keys published in the JWKS before they sign")
    retiring_keys: Commas[Path] = _setting((), "PEM keys that signed before; their tokens are still good")


class ObserveGroup(Group):
    """Metrics and health."""

    host: str = _setting("", "address for /metrics, /livez and /readyz; empty is `host`")
    port: int = _port(7402, "port for /metrics, /livez and /readyz")


class WorkersGroup(Group):
    """The workers that `moorage up` starts itself."""

    count: int = _setting(2, "worker processes; 0 starts none", "processes", ge=0, le=256)
    slots: int = _setting(10, "sessions that one of them serves at once", "sessions", ge=1)
    target: str = _setting("moorage.examples.echo:echo", "MODULE:FUNCTION that serves a session")
    pool: str = _setting("default", "pool that they join", min_length=1)
    region: str = _setting("local", "region that they join", min_length=1)


class UpGroup(Group):
    """How `moorage up` is divided."""

    gateways: int = _setting(
        0, "gateway processes behind one port; 0 runs all in one process", "processes", ge=0, le=64
    )


class Settings(BaseSettings):
    """All of them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data: Path = _setting(Path("data"), "folder for keys, database and certificates")
    host: str = _setting("127.0.0.1", "address of all listeners that name none of their own")
    admin_key: SecretStr | None = _setting(None, "presets the first API key; else it is made and printed once")
    join_key: SecretStr | None = _setting(None, "presets the key that lets workers in; else it is made")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "least level that is logged")
    log_format: Literal["auto", "json", "console"] = _setting("auto", "auto is console on a terminal, else json")
    gateway: GatewayGroup = _group(GatewayGroup, "clients' WebSockets and workers' links")
    store: StoreGroup = _group(StoreGroup, "where the fleet's state is")
    scheduler: SchedulerGroup = _group(SchedulerGroup, "placement and deadlines")
    controlplane: ControlPlaneGroup = _group(ControlPlaneGroup, "the REST API")
    signing: SigningGroup = _group(SigningGroup, "what signs session tokens")
    observe: ObserveGroup = _group(ObserveGroup, "metrics and health")
    workers: WorkersGroup = _group(WorkersGroup, "started by `moorage up`")
    up: UpGroup = _group(UpGroup, "in how many processes")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is given: sources.py merges, because it must remember where each value came from."""
        return (init_settings,)
