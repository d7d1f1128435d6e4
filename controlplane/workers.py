"""Rules of workers over REST: where they may listen, who may speak for them, how they are listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from controlplane.policy import Network
from moorage import dialout
from scheduler.values import JoinKey, PoolView, WorkerState, WorkerView

ANY = "*"


@dataclass(frozen=True, slots=True)
class WorkerFilter:
    """Which workers a list shows; None is any."""

    region: str | None = None
    pool: str | None = None
    status: WorkerState | None = None


def check_address(address: str, networks: Iterable[Network]) -> None:
    """Raises ValueError unless `address` is "ip:port" or "[ip6]:port" inside one of the networks, or "dial-out".

    Names are refused: what a name means can change after the check.
    """
    if address == dialout.ADDRESS:
        return
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"address must be {dialout.ADDRESS} or ip:port, with a port from 1 to 65535")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError("address must put an IPv6 address into brackets: [ip]:port")
    try:
        ip = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ValueError("address must be ip:port, with a numeric address") from error
    if not any(ip in network for network in networks):
        raise PermissionError("address is outside worker_networks")


def may_speak_for(key: JoinKey, region: str, pool: str) -> bool:
    """Whether a join key lets in workers of this pool."""
    return key.region in (ANY, region) and key.pool in (ANY, pool)


def chosen(workers: Iterable[WorkerView], wanted: WorkerFilter) -> list[WorkerView]:
    """Those that match, in the order they joined."""
    matching = [worker for worker in workers if _matches(worker, wanted)]
    return sorted(matching, key=lambda worker: (worker.joined_at, worker.worker))


def totals(pools: Iterable[PoolView]) -> dict[str, int]:
    """Room in the whole fleet."""
    seen = list(pools)
    return {name: sum(getattr(pool, name) for pool in seen) for name in ("workers", "slots", "used", "free", "waiting")}


def _matches(worker: WorkerView, wanted: WorkerFilter) -> bool:
    return (
        wanted.region in (None, worker.region)
        and wanted.pool in (None, worker.pool)
        and wanted.status in (None, worker.state)
    )
