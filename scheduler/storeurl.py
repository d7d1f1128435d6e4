"""Reads the address of the shared store: where its servers are, how to get in, what its keys start with.

Decides what a URL means and which sentence a wrong one gets; opens nothing. A password is in no repr and no sentence.

>>> str(parse_store_url("redis://moorage:secret@10.0.0.5/3?prefix=blue"))
'redis://moorage:***@10.0.0.5:6379/3?prefix=blue'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379
DEFAULT_PREFIX = "moorage"

_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class WrongStoreUrl(ValueError):
    """The URL cannot be used; its sentence names what is wrong, and never the password."""


class Topology(Enum):
    """Who decides which server holds a key."""

    SINGLE = "single"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True)
class Address:
    """A server: a host and a port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a server; without a password nothing is sent."""

    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: whom to trust instead of the system's authorities, and our own certificate where the server asks."""

    authorities: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A store's address, parsed."""

    topology: Topology
    addresses: tuple[Address, ...]
    login: Login = Login()
    sentinel_login: Login = Login()
    master_name: str = ""
    database: int = 0
    prefix: str = DEFAULT_PREFIX
    tls: TlsFiles | None = None
    answer_seconds: float = 2.0
    connect_seconds: float = 2.0

    def __str__(self) -> str:
        """The URL as people wrote it, with three stars for the password."""
        login = ""
        if self.login.username or self.login.password:
            login = f"{self.login.username}:***@"
        if self.addresses[0].path:
            return f"unix://{login}{self.addresses[0].path}?db={self.database}&prefix={self.prefix}"
        scheme = "rediss" if self.tls is not None else "redis"
        if self.topology is not Topology.SINGLE:
            scheme += f"+{self.topology.value}"
        path = f"/{self.master_name}" if self.master_name else ""
        path += f"/{self.database}" if self.topology is not Topology.CLUSTER else ""
        return f"{scheme}://{login}{','.join(map(str, self.addresses))}{path}?prefix={self.prefix}"


_SCHEMES = {
    "redis": (Topology.SINGLE, False),
    "rediss": (Topology.SINGLE, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "rediss+cluster": (Topology.CLUSTER, True),
    "redis+sentinel": (Topology.SENTINEL, False),
    "rediss+sentinel": (Topology.SENTINEL, True),
}
_UNIX = frozenset({"unix", "redis+unix"})
OPTIONS = frozenset(
    {"prefix", "db", "cluster", "answer_seconds", "connect_seconds", "tls_ca", "tls_cert", "tls_key"}
    | {"sentinel_username", "sentinel_password"}
)


def parse_store_url(text: str) -> StoreUrl:
    """`redis://`, `rediss://`, `unix:///path`, `redis+cluster://a,b`, `redis+sentinel://a:26379,b/name`; options as query.

    Options: `prefix`, `db`, `cluster=1`, `answer_seconds`, `connect_seconds`, `tls_ca`, `tls_cert`, `tls_key`,
    `sentinel_username`, `sentinel_password`. Raises WrongStoreUrl.
    """
    try:
        split = urlsplit(text.strip())
    except ValueError:
        raise WrongStoreUrl(
            "the store's URL cannot be read: is there a bracket, or a letter that is no letter?"
        ) from None
    login, place = _login(split)
    options = _options(split)
    if split.scheme in _UNIX:
        return _unix(split, place, login, options)
    if split.scheme not in _SCHEMES:
        known = ", ".join([*_SCHEMES, *sorted(_UNIX)])
        raise WrongStoreUrl(f"the store's URL starts with {split.scheme or 'no scheme'!r}; known are {known}")
    return _networked(split, place, login, options)


def _networked(split: SplitResult, place: str, login: Login, options: dict[str, str]) -> StoreUrl:
    topology, is_tls = _SCHEMES[split.scheme]
    if options.get("cluster", "0") not in {"0", "1"}:
        raise WrongStoreUrl("the store's URL: ?cluster is 0 or 1")
    if options.get("cluster") == "1":
        if topology is Topology.SENTINEL:
            raise WrongStoreUrl("the store's URL names both Sentinel and a cluster: a store is one or the other")
        topology = Topology.CLUSTER
    master_name, database = _path(split.path, topology, options)
    default_port = DEFAULT_SENTINEL_PORT if topology is Topology.SENTINEL else DEFAULT_PORT
    addresses = tuple(_address(part, default_port) for part in place.split(","))
    if topology is Topology.SINGLE and len(addresses) > 1:
        raise WrongStoreUrl("the store's URL names several servers: say redis+cluster:// or redis+sentinel://")
    return StoreUrl(
        topology,
        addresses,
        login,
        Login(options.get("sentinel_username", ""), options.get("sentinel_password", "")),
        master_name,
        database,
        _prefix(options),
        _tls(options, is_tls),
        _seconds(options, "answer_seconds"),
        _seconds(options, "connect_seconds"),
    )


def _unix(split: SplitResult, place: str, login: Login, options: dict[str, str]) -> StoreUrl:
    path = unquote(split.path)
    if place or not path.startswith("/"):
        raise WrongStoreUrl("the store's URL: a unix socket is written unix:///absolute/path")
    if options.get("cluster") == "1":
        raise WrongStoreUrl("the store's URL: a cluster's servers are hosts and ports, not a unix socket")
    return StoreUrl(
        Topology.SINGLE,
        (Address(path=path),),
        login,
        database=_database(options.get("db", "0")),
        prefix=_prefix(options),
        answer_seconds=_seconds(options, "answer_seconds"),
        connect_seconds=_seconds(options, "connect_seconds"),
    )


def _options(split: SplitResult) -> dict[str, str]:
    if split.fragment:
        raise WrongStoreUrl("the store's URL has a '#': in a password write %23")
    pairs = parse_qsl(split.query, keep_blank_values=True)
    options = dict(pairs)
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        raise WrongStoreUrl(
            f"the store's URL has an unknown option {unknown[0]!r}; known are {', '.join(sorted(OPTIONS))}"
        )
    if len(options) != len(pairs):
        raise WrongStoreUrl("the store's URL has an option twice")
    return options


def _login(split: SplitResult) -> tuple[Login, str]:
    if "@" in split.path + split.query:
        raise WrongStoreUrl(
            "the store's URL has an '@' after its servers: in a password write %2F for '/' and %3F for '?'"
        )
    who, _, place = split.netloc.rpartition("@")
    username, _, password = who.partition(":")
    if who and not password:
        raise WrongStoreUrl("the store's URL has a user without a password: write redis://user:password@host")
    return Login(unquote(username), unquote(password)), place


def _path(path: str, topology: Topology, options: dict[str, str]) -> tuple[str, int]:
    parts = [unquote(part) for part in path.split("/") if part]
    master_name = ""
    if topology is Topology.SENTINEL:
        if not parts:
            raise WrongStoreUrl(
                "the store's URL: Sentinel needs the master's name, redis+sentinel://host:26379/mymaster"
            )
        master_name = parts.pop(0)
    if len(parts) > 1 or (parts and "db" in options):
        raise WrongStoreUrl("the store's URL: after the servers comes at most one database number")
    database = _database(parts[0] if parts else options.get("db", "0"))
    if database and topology is Topology.CLUSTER:
        raise WrongStoreUrl("the store's URL names a database: a cluster has only database 0; use ?prefix= instead")
    return master_name, database


def _database(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise WrongStoreUrl(f"the store's URL: the database {text!r} is no number")
    return int(text)


def _address(text: str, default_port: int) -> Address:
    matched = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s\[\]:/@]+))(?::([0-9]{1,5}))?", text)
    if matched is None:
        raise WrongStoreUrl(f"the store's URL: {text!r} is no server; write host, host:port or [IPv6]:port")
    port = int(matched[3]) if matched[3] else default_port
    if not 0 < port < 65536:
        raise WrongStoreUrl(f"the store's URL: there is no port {port}")
    return Address(matched[1] or matched[2], port)


def _prefix(options: dict[str, str]) -> str:
    prefix = options.get("prefix", DEFAULT_PREFIX)
    if not _PREFIX.fullmatch(prefix):
        raise WrongStoreUrl(
            f"the store's URL: the prefix {prefix!r} is not 1 to 64 of letters, digits, '_', '.' and '-'"
        )
    return prefix


def _seconds(options: dict[str, str], name: str) -> float:
    try:
        seconds = float(options.get(name, "2"))
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or not 0.05 <= seconds <= 60:
        raise WrongStoreUrl(f"the store's URL: {name} is a number of seconds from 0.05 to 60, not {options[name]!r}")
    return seconds


def _tls(options: dict[str, str], is_tls: bool) -> TlsFiles | None:
    files = TlsFiles(options.get("tls_ca", ""), options.get("tls_cert", ""), options.get("tls_key", ""))
    if is_tls:
        return files
    if files != TlsFiles():
        raise WrongStoreUrl("the store's URL names TLS files, but redis:// is not encrypted: write rediss://")
    return None
