"""What a worker takes from its constructor, from its environment, and what it advertises."""

from __future__ import annotations

import pytest

from moorage.examples.echo import echo
from moorage.io.worker import Worker
from moorage.io.worker_environment import default_name, pod_of
from moorage.io.worker_options import default_host, gateway_urls
from moorage.link import Pod


def test_the_environment_fills_what_was_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MOORAGE_LINK": "ws://a:7403, wss://b",
        "MOORAGE_JOIN_KEY": "jk",
        "MOORAGE_POOL": "gpu",
        "MOORAGE_REGION": "eu",
        "MOORAGE_WORKER_NAME": "w1",
        "MOORAGE_WORKER_PORT": "7500",
        "MOORAGE_WORKER_ADDRESS": "10.0.0.9:7500",
        "MOORAGE_POD_NAMESPACE": "ns",
        "MOORAGE_POD_NAME": "pod",
        "MOORAGE_POD_UID": "uid",
    }.items():
        monkeypatch.setenv(name, value)

    options = Worker(echo).options

    assert options.gateways == ("ws://a:7403/link", "wss://b:7403/link")
    assert (options.join_key, options.pool, options.region, options.name) == ("jk", "gpu", "eu", "w1")
    assert (options.host, options.port, options.address) == ("0.0.0.0", 7500, "10.0.0.9:7500")
    assert options.pod == Pod("ns", "pod", "uid")
    assert Worker(echo, pool="cpu", port=0).options.pool == "cpu"


@pytest.mark.parametrize(
    ("host", "advertised"),
    [
        ("0.0.0.0", "10.0.0.7:80"),
        ("::", "10.0.0.7:80"),
        ("localhost", "10.0.0.7:80"),
        ("10.1.1.1", "10.1.1.1:80"),
        ("fd00::1", "[fd00::1]:80"),
    ],
)
def test_a_worker_advertises_where_it_can_be_reached(host: str, advertised: str) -> None:
    assert Worker(echo, join_key="jk", host=host).options.advertised("10.0.0.7", 80) == advertised


def test_an_ipv6_link_is_advertised_in_brackets() -> None:
    assert Worker(echo, join_key="jk", host="::").options.advertised("fd00::7", 80) == "[fd00::7]:80"


def test_a_worker_whose_gateways_are_on_loopback_listens_there_only() -> None:
    assert default_host(("ws://127.0.0.1:7403/link", "ws://[::1]:7403/link")) == "127.0.0.1"
    assert default_host(("ws://127.0.0.1:7403/link", "ws://gateway:7403/link")) == "0.0.0.0"
    assert default_host(("ws://127.0.0.1:7403/link",), "10.0.0.7") == "0.0.0.0"
    assert default_host(("ws://127.0.0.1:7403/link",), "fd00::7") == "::"


@pytest.mark.parametrize(
    ("said", "urls"),
    [
        ("ws://a/", ("ws://a:7403/link",)),
        ("ws://a:1/other", ("ws://a:1/other",)),
        ("wss://[::1]:7403", ("wss://[::1]:7403/link",)),
        ("", ()),
    ],
)
def test_gateways_are_written_short(said: str, urls: tuple[str, ...]) -> None:
    assert gateway_urls(said) == urls


@pytest.mark.parametrize("said", ["http://a", "a:7403", "ws://", "ws://a,ftp://b"])
def test_a_wrong_gateway_is_named(said: str) -> None:
    with pytest.raises(ValueError, match="a gateway is ws://host:7403"):
        gateway_urls(said)


def test_outside_a_pod_there_is_none() -> None:
    assert pod_of({"MOORAGE_POD_NAMESPACE": "ns", "MOORAGE_POD_NAME": "pod"}) is None


def test_a_worker_has_a_name() -> None:
    assert default_name({})
    assert default_name({"MOORAGE_WORKER_NAME": "w1"}) == "w1"
