"""What a store's URL means, and the sentence that a wrong one gets."""

from __future__ import annotations

import doctest

import pytest

from scheduler import storeurl
from scheduler.storeurl import Address, Login, TlsFiles, Topology, WrongStoreUrl, parse_store_url


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(storeurl).failed == 0


def test_the_shortest_url_is_a_server_on_the_default_port() -> None:
    url = parse_store_url("redis://redis.internal")

    assert (Topology.SINGLE, (Address("redis.internal", 6379),), "moorage", 0, None) == (
        url.topology,
        url.addresses,
        url.prefix,
        url.database,
        url.tls,
    )


def test_everything_can_be_said() -> None:
    url = parse_store_url(
        "rediss://moo%40rage:p%3A%2Fw@[::1]:7000/4?prefix=blue&answer_seconds=0.5&connect_seconds=1&tls_ca=/ca.pem"
    )

    assert Login("moo@rage", "p:/w") == url.login
    assert (Address("::1", 7000),) == url.addresses
    assert (url.database, url.prefix, url.answer_seconds, url.connect_seconds) == (4, "blue", 0.5, 1.0)
    assert TlsFiles("/ca.pem") == url.tls


@pytest.mark.parametrize("scheme", ["unix", "redis+unix"])
def test_a_unix_socket_is_a_path(scheme: str) -> None:
    url = parse_store_url(f"{scheme}:///run/redis%20one.sock?db=2")

    assert (Address(path="/run/redis one.sock"),) == url.addresses
    assert url.database == 2


@pytest.mark.parametrize("text", ["redis+cluster://a,b:7001", "redis://a,b:7001?cluster=1"])
def test_a_cluster_has_several_servers(text: str) -> None:
    url = parse_store_url(text)

    assert (Topology.CLUSTER, (Address("a", 6379), Address("b", 7001))) == (url.topology, url.addresses)


def test_sentinels_have_a_master_by_name_and_a_login_of_their_own() -> None:
    url = parse_store_url("redis+sentinel://:pw@s1,s2:26380/fleet/3?sentinel_username=u&sentinel_password=spw")

    assert (Address("s1", 26379), Address("s2", 26380)) == url.addresses
    assert ("fleet", 3, Login("", "pw"), Login("u", "spw")) == (
        url.master_name,
        url.database,
        url.login,
        url.sentinel_login,
    )


@pytest.mark.parametrize(
    "text",
    [
        "rediss://u:topsecret@h/1",
        "redis+sentinel://u:topsecret@h/m?sentinel_password=topsecret",
        "unix://:topsecret@/run/r.sock",
    ],
)
def test_a_password_is_in_no_text(text: str) -> None:
    url = parse_store_url(text)

    assert "topsecret" not in repr(url) + str(url)
    assert "topsecret" in url.login.password


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "starts with no scheme|starts with 'no scheme'"),
        ("http://h", "starts with 'http'"),
        ("redis://", "'' is no server"),
        ("redis://h:0", "no port 0"),
        ("redis://h:70000", "no port 70000"),
        ("redis://h:port", "'h:port' is no server"),
        ("redis://[::1", "cannot be read"),
        ("redis://a,b", "names several servers"),
        ("redis://user@h", "user without a password"),
        ("redis://h/one", "'one' is no number"),
        ("redis://h/1/2", "at most one database"),
        ("redis://h/1?db=2", "at most one database"),
        ("redis://h?prefixx=a", "unknown option 'prefixx'"),
        ("redis://h?prefix=a&prefix=b", "option twice"),
        ("redis://h?prefix={a}", "the prefix"),
        ("redis://h?prefix=", "the prefix"),
        ("redis://h?answer_seconds=nan", "answer_seconds is a number"),
        ("redis://h?connect_seconds=900", "connect_seconds is a number"),
        ("redis://:pa#ss@h", "write %23"),
        ("redis://h?tls_ca=/ca.pem", "write rediss://"),
        ("redis+cluster://h/1", "a cluster has only database 0"),
        ("redis://h?cluster=yes", "cluster is 0 or 1"),
        ("redis+sentinel://h", "needs the master's name"),
        ("redis+sentinel://h/m?cluster=1", "both Sentinel and a cluster"),
        ("unix://host/path", "unix:///absolute/path"),
        ("unix:///path?cluster=1", "not a unix socket"),
    ],
)
def test_a_wrong_url_gets_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(WrongStoreUrl, match=sentence) as caught:
        parse_store_url(text)

    assert "\n" not in str(caught.value)


def test_a_wrong_url_does_not_leak_its_password() -> None:
    for text in (
        "redis://u:topsecret/x@h",
        "redis://u:topsecret?x@h",
        "redis://u:topsecret@[::1",
        "redis://u:topsecret@h:port",
        "redis://u:topsecret@h/x",
        "nope://u:topsecret@h",
    ):
        with pytest.raises(WrongStoreUrl) as caught:
            parse_store_url(text)

        assert "topsecret" not in str(caught.value)
