"""Tests of controlplane/workers.py."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from controlplane.policy import PRIVATE_NETWORKS
from controlplane.workers import WorkerFilter, check_address, chosen, may_speak_for, totals
from moorage.ids import WorkerId
from scheduler.values import JoinKey, PoolView, WorkerState, WorkerView


def a_worker(name: str, joined_at: float = 0.0, **said: object) -> WorkerView:
    given = {"region": "eu", "pool": "cpu", "state": WorkerState.SERVING} | said
    return WorkerView(
        worker=WorkerId(name),
        name=name,
        address="10.0.0.1:9000",
        slots=10,
        labels=frozenset(),
        version="",
        reserved=0,
        held=0,
        suspended=0,
        load=0.0,
        joined_at=joined_at,
        beat_at=0.0,
        kubernetes=None,
        drain=None,
        **given,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("address", ["127.0.0.1:9000", "10.1.2.3:1", "192.168.0.1:65535", "[::1]:9000", "[fd00::1]:80"])
def test_private_addresses_are_allowed(address: str) -> None:
    check_address(address, PRIVATE_NETWORKS)


@pytest.mark.parametrize("address", ["8.8.8.8:9000", "169.254.169.254:80", "0.0.0.0:1", "[2001:db8::1]:9000"])
def test_an_address_outside_the_networks_is_no_workers(address: str) -> None:
    with pytest.raises(PermissionError, match="outside worker_networks"):
        check_address(address, PRIVATE_NETWORKS)


@pytest.mark.parametrize(
    "address",
    ["", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:٣", "worker.local:9000", "::1:9000", "[x]:1",
     "10.0.0.1:-1", "010.0.0.1:80", "10.0.0.1 :80"],
)  # fmt: skip
def test_anything_but_a_numeric_address_and_port_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address must"):
        check_address(address, [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.parametrize(
    ("key", "may"),
    [
        (JoinKey("", "*", "*"), True),
        (JoinKey("", "gpu", "*"), True),
        (JoinKey("", "*", "eu"), True),
        (JoinKey("", "cpu", "eu"), False),
        (JoinKey("", "gpu", "us"), False),
    ],
)
def test_a_join_key_speaks_for_its_pool_and_region_only(key: JoinKey, *, may: bool) -> None:
    assert may_speak_for(key, "eu", "gpu") is may


def test_workers_are_listed_in_the_order_they_joined() -> None:
    fleet = [a_worker("late", 2.0), a_worker("early", 1.0)]

    assert [worker.name for worker in chosen(fleet, WorkerFilter())] == ["early", "late"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (WorkerFilter(region="us"), ["us"]),
        (WorkerFilter(pool="gpu"), ["gpu"]),
        (WorkerFilter(status=WorkerState.DRAINING), ["draining"]),
        (WorkerFilter("eu", "cpu", WorkerState.SERVING), ["plain"]),
    ],
)
def test_a_filter_shows_what_matches_all_of_it(wanted: WorkerFilter, names: list[str]) -> None:
    fleet = [
        a_worker("plain"),
        a_worker("us", region="us"),
        a_worker("gpu", pool="gpu"),
        a_worker("draining", state=WorkerState.DRAINING),
    ]

    assert [worker.name for worker in chosen(fleet, wanted)] == names


def test_capacity_adds_up_over_pools() -> None:
    pools = [PoolView("eu", "cpu", 1, 10, 4, 6, 0), PoolView("us", "gpu", 2, 8, 8, 0, 3)]

    assert totals(pools) == {"workers": 3, "slots": 18, "used": 12, "free": 6, "waiting": 3}
