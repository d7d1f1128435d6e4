"""Who may register what, and the link's words in the scheduler's."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from gateway.links import PRIVATE, Terms, directive, heartbeat, refusal_of, registered, registration
from moorage import link
from moorage.errors import Code
from moorage.ids import GatewayId, SessionId, WorkerId
from scheduler import values
from scheduler.values import JoinKey

ANY = JoinKey("digest", "*", "*")
GATEWAY = GatewayId("gtw_a")
WORKER = WorkerId("wrk_a")
SESSION = SessionId("ses_a")
REGISTER = link.Register("w", "eu", "gpu", "10.0.0.1:7500", 4)


@pytest.mark.parametrize("key", [ANY, JoinKey("d", "gpu", "*"), JoinKey("d", "*", "eu"), JoinKey("d", "gpu", "eu")])
def test_a_key_lets_in_where_it_is_bound_to(key: JoinKey) -> None:
    assert refusal_of(REGISTER, key, ()) is None


@pytest.mark.parametrize(
    ("key", "word"), [(JoinKey("d", "cpu", "*"), "pool 'cpu'"), (JoinKey("d", "*", "us"), "region 'us'")]
)
def test_a_key_for_elsewhere_is_refused_with_its_bound(key: JoinKey, word: str) -> None:
    refused = refusal_of(REGISTER, key, ())

    assert refused is not None
    assert refused.code is Code.INVALID_JOIN_KEY
    assert word in refused.detail


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3:1", "172.16.0.1:65535", "192.168.1.1:80", "100.64.3.4:80", "127.0.0.1:9", "[::1]:9", "[fd00::1]:9"],
)
def test_private_and_loopback_addresses_are_allowed_by_default(address: str) -> None:
    assert refusal_of(replace(REGISTER, address=address), ANY, ()) is None


@pytest.mark.parametrize(
    "address", ["8.8.8.8:80", "169.254.169.254:80", "[2001:db8::1]:80", "localhost:80", "worker.internal:80"]
)
def test_public_link_local_and_named_addresses_are_not(address: str) -> None:
    refused = refusal_of(replace(REGISTER, address=address), ANY, ())

    assert refused is not None
    assert refused.code is Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    "address",
    [
        *("", "10.0.0.1", ":80", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:x"),
        *(" 10.0.0.1 :80", "[::1%x\r\ny]:80", "[fc00::1%eth0]:80", "10.0.0.1:\u0663\u0663"),
    ],
)
def test_what_is_no_address_is_a_bad_request(address: str) -> None:
    refused = refusal_of(replace(REGISTER, address=address), ANY, ())

    assert refused is not None
    assert refused.code is Code.BAD_REQUEST


def test_a_worker_that_dials_out_names_no_address() -> None:
    assert refusal_of(replace(REGISTER, address="dial-out"), ANY, ()) is None


def test_listed_networks_replace_the_default() -> None:
    networks = (ip_network("8.8.8.0/24"),)

    assert refusal_of(replace(REGISTER, address="8.8.8.8:80"), ANY, networks) is None
    assert refusal_of(REGISTER, ANY, networks) is not None
    assert PRIVATE


def test_a_registration_says_everything_and_starts_with_its_first_beat() -> None:
    said = replace(
        REGISTER,
        labels=(("a", "b"),),
        version="1",
        sessions=(link.Listed(SESSION, 5, is_attached=True),),
        kubernetes=link.Pod("ns", "pod", "uid"),
        again=WORKER,
        claim_key=b"k" * 32,
    )

    assert registration(said, GATEWAY) == values.Registration(
        name="w",
        region="eu",
        pool="gpu",
        address="10.0.0.1:7500",
        slots=4,
        labels=frozenset({("a", "b")}),
        version="1",
        sessions=(values.SessionOnWorker(SESSION, 5, True),),
        kubernetes=values.Kubernetes("ns", "pod", "uid"),
        again=WORKER,
        claim_key=b"k" * 32,
        gateway=GATEWAY,
        is_starting=True,
    )


def test_a_heartbeat_keeps_its_witness() -> None:
    said = link.Heartbeat(
        seq=3,
        in_use=1,
        load=0.5,
        attached=(link.Listed(SESSION, 5, is_attached=True),),
        detached=(link.Listed(SESSION, 4, is_attached=False),),
        ended=(link.Over(SESSION, 3, link.Outcome.EXPIRED, "late"),),
        is_ready=False,
    )

    assert heartbeat(said, WORKER, GATEWAY) == values.Heartbeat(
        worker=WORKER,
        seq=3,
        in_use=1,
        load=0.5,
        attached=(values.SessionOnWorker(SESSION, 5, True),),
        detached=(values.SessionOnWorker(SESSION, 4, False),),
        ended=(values.WorkerEnd(SESSION, 3, values.Outcome.EXPIRED, "late"),),
        gateway=GATEWAY,
        is_ready=False,
    )


@pytest.mark.parametrize("order", list(values.Order))
def test_every_order_has_a_word(order: values.Order) -> None:
    assert directive(values.Directive(order, SESSION, 5, None, "why"), 0.0) == link.Directive(
        link.Order(order.value), SESSION, 5, None, "why"
    )


def test_an_order_to_attach_carries_where_and_with_what() -> None:
    order = values.Directive(values.Order.ATTACH, SESSION, 5, 103.0, gateway="http://10.0.0.5:1", ticket="t" * 32)

    assert directive(order, 100.0) == link.Directive(
        link.Order.ATTACH, SESSION, 5, 3.0, "", "http://10.0.0.5:1", "t" * 32
    )


@pytest.mark.parametrize(("deadline", "seconds"), [(107.5, 7.5), (90.0, 0.0), (None, None), (float("inf"), None)])
def test_a_deadline_becomes_seconds_from_now(deadline: float | None, seconds: float | None) -> None:
    assert directive(values.Directive(values.Order.DRAIN, deadline=deadline), 100.0).seconds == seconds


def test_the_answer_carries_the_gateways_terms() -> None:
    answer = values.Registered(WORKER, b"k" * 32, "e", values.WorkerState.SERVING)

    said = registered(answer, Terms(GATEWAY, 7.0, 0.5, ()))

    assert (said.worker_id, said.claim_key, said.epoch) == (WORKER, b"k" * 32, "e")
    assert (said.resume_seconds, said.heartbeat_every) == (7.0, 0.5)
