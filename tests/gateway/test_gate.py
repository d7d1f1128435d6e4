"""Who may come in: every kind of bad token stays out, and the first reason in the order of the checks is told."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.forward import Visitor
from gateway.gate import Gate
from gateway.heads import Head
from gateway.policy import GatewayPolicy, Handshakes, Trust
from gateway.refusals import Refusal
from gateway.upgrade import Upgrade
from moorage.errors import Code
from moorage.keys import KeySet, KeyState, ed25519_key, hs256_key
from scheduler.values import Revocation
from tests.builders import KEYS, NOW, SECRET, a_jwt, a_token, an_upgrade

PEER = "192.0.2.1"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PRIVATE_PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def a_gate(policy: GatewayPolicy | None = None, keys: KeySet = KEYS) -> Gate:
    return Gate(policy or GatewayPolicy(), lambda: keys, bytes)


def with_token(jwt: str, **replaced: str | None) -> Upgrade:
    return an_upgrade("/", (), Authorization=f"Bearer {jwt}", **replaced)


def entered(gate: Gate, upgrade: Upgrade, peer: str = PEER, now: float = NOW) -> Visitor:
    return gate.examine(upgrade, peer, now)


def refused(gate: Gate, upgrade: Upgrade, peer: str = PEER, now: float = NOW) -> Refusal:
    with pytest.raises(Refusal) as caught:
        gate.examine(upgrade, peer, now)
    return caught.value


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header: dict[str, Any], secret: bytes = SECRET, **changed: Any) -> str:
    """A token made by hand, so that no library keeps us from making a bad one."""
    payload = json.loads(_payload_of(a_jwt()))
    payload.update(changed)
    claims = {name: value for name, value in payload.items() if value is not None}
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _payload_of(jwt: str) -> bytes:
    part = jwt.split(".")[1]
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


HS256 = {"alg": "HS256", "typ": "JWT", "kid": "k1"}


def test_a_good_token_comes_in_with_what_it_says() -> None:
    visitor = entered(a_gate(), with_token(a_jwt(context={"quality": "high"})))

    assert visitor.token == a_token(context={"quality": "high"})
    assert (visitor.address, visitor.presented.is_in_authorization) == (PEER, True)
    assert visitor.traceparent.startswith("00-0000")


def test_tokens_made_by_hand_in_these_tests_are_good_when_nothing_is_changed() -> None:
    assert entered(a_gate(), with_token(forged(HS256))).token.session == a_token().session


@pytest.mark.parametrize(
    "jwt",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="no JWT"),
        pytest.param("..", id="three empty parts"),
        pytest.param("a.b.c", id="no base64 of JSON"),
        pytest.param(a_jwt()[:-1], id="a cut signature"),
        pytest.param(a_jwt()[:60], id="a cut payload"),
        pytest.param(a_jwt().rpartition(".")[0] + ".", id="no signature"),
        pytest.param(a_jwt() + "A", id="a longer signature"),
        pytest.param(a_jwt() + ".x", id="four parts"),
        pytest.param("A" * 12_000, id="a token over the limit"),
        pytest.param(encoded(b"[" * 4000) + ".a.b", id="nested JSON"),
        pytest.param(forged({**HS256, "alg": "none"}), id="alg none"),
        pytest.param(forged({**HS256, "alg": "none"}).rpartition(".")[0] + ".", id="alg none without a signature"),
        pytest.param(forged({**HS256, "alg": "NoNe"}), id="alg NoNe"),
        pytest.param(forged({**HS256, "alg": "HS512"}), id="another hash"),
        pytest.param(forged({**HS256, "alg": "Ed25519"}), id="another family"),
        pytest.param(forged({**HS256, "alg": None}), id="null alg"),
        pytest.param(forged({**HS256, "alg": ["HS256"]}), id="a list of algs"),
        pytest.param(forged({"typ": "JWT", "kid": "k1"}), id="no alg"),
        pytest.param(forged({**HS256, "kid": "k2"}), id="an unknown kid"),
        pytest.param(forged({"alg": "HS256", "typ": "JWT"}), id="no kid"),
        pytest.param(forged({**HS256, "kid": "../../dev/null"}), id="a kid that is a path"),
        pytest.param(forged({**HS256, "kid": {"k": 1}}), id="a kid that is no text"),
        pytest.param(forged({**HS256, "crit": ["x"], "x": 1}), id="an unknown critical header"),
        pytest.param(forged({**HS256, "b64": False, "crit": ["b64"]}), id="an unencoded payload"),
        pytest.param(forged(HS256, secret=b"another secret of at least 32 bytes"), id="another secret"),
        pytest.param(forged(HS256, aud="other"), id="another audience"),
        pytest.param(forged(HS256, aud=["moorage", "other"]), id="a list of audiences"),
        pytest.param(forged(HS256, aud=None), id="no audience"),
        pytest.param(forged(HS256, exp=NOW - 6), id="expired"),
        pytest.param(forged(HS256, exp=None), id="no expiry"),
        pytest.param(forged(HS256, exp="tomorrow"), id="an expiry in words"),
        pytest.param(forged(HS256, exp=float("inf")), id="an infinite expiry"),
        pytest.param(forged(HS256, exp=float("nan")), id="an expiry that is no number"),
        pytest.param(forged(HS256, nbf=NOW + 6), id="not yet valid"),
        pytest.param(forged(HS256, sub=None), id="no user"),
        pytest.param(forged(HS256, sub="usr_1"), id="a user that is no id"),
        pytest.param(forged(HS256, sid="ses_\r\nX: y"), id="a session with a line feed"),
        pytest.param(forged(HS256, sid=7), id="a session that is a number"),
        pytest.param(forged(HS256, wsp=["wsp"]), id="a workspace that is a list"),
        pytest.param(forged(HS256, akid=None), id="no key id"),
        pytest.param(forged(HS256, regions=7), id="regions that are a number"),
        pytest.param(forged(HS256, labels=["a"]), id="labels that are a list"),
        pytest.param(forged(HS256, lim={"message_bytes": "big"}), id="a limit in words"),
        pytest.param(forged(HS256, lim={"message_bytes": -1}), id="a negative limit"),
        pytest.param(forged(HS256, lim=[1]), id="limits that are a list"),
        pytest.param(forged(HS256, ctx="text"), id="a context that is text"),
    ],
)
def test_a_bad_token_stays_out_and_is_not_repeated_in_the_answer(jwt: str) -> None:
    refusal = refused(a_gate(), an_upgrade(f"/?token={jwt}"))

    assert refusal.code is Code.INVALID_SESSION_TOKEN
    assert len(jwt) < 20 or jwt not in refusal.detail


@pytest.mark.parametrize("jwt", ["A" * 100_000, a_jwt() + "A" * 100_000, "." * 100_000])
def test_a_token_of_100_kb_stays_out_fast(jwt: str) -> None:
    assert refused(a_gate(), an_upgrade(f"/?token={jwt}")).code is Code.INVALID_SESSION_TOKEN


def test_a_public_key_is_no_shared_secret() -> None:
    gate = a_gate(keys=KeySet([ed25519_key("k1", PUBLIC_PEM)]))

    refusal = refused(gate, with_token(forged(HS256, secret=PUBLIC_PEM)))

    assert refusal.code is Code.INVALID_SESSION_TOKEN


def test_ed25519_tokens_come_in_where_the_gateway_holds_the_public_half() -> None:
    signing = KeySet([ed25519_key("e1", PRIVATE_PEM)])
    gate = a_gate(keys=KeySet([ed25519_key("e1", PUBLIC_PEM, KeyState.RETIRING), *KEYS]))

    assert entered(gate, with_token(a_jwt(keys=signing))).token == a_token()
    assert entered(gate, with_token(a_jwt())).token == a_token()
    other = KeySet([replace(signing.active, kid="k1")])
    assert refused(gate, with_token(a_jwt(keys=other))).code is Code.INVALID_SESSION_TOKEN


def test_retiring_keys_still_verify() -> None:
    old = hs256_key("k1", SECRET)
    gate = a_gate(keys=KeySet([replace(old, state=KeyState.RETIRING), hs256_key("k2", bytes(32))]))

    assert entered(gate, with_token(a_jwt())).token == a_token()


def test_clocks_may_differ_by_a_leeway() -> None:
    entered(a_gate(), with_token(a_jwt()), now=NOW - 4)
    entered(a_gate(), with_token(a_jwt(expires_at=NOW - 4)))


def test_a_session_that_is_over_says_so() -> None:
    assert refused(a_gate(), with_token(a_jwt(session_expires_at=NOW))).code is Code.SESSION_EXPIRED


def test_a_revoked_session_says_so() -> None:
    gate = a_gate()
    gate.revocations.add(Revocation("session", a_token().session, NOW + 100, NOW + 1))

    assert refused(gate, with_token(a_jwt())).code is Code.SESSION_ENDED


def test_a_gateway_of_a_region_takes_sessions_that_may_be_there() -> None:
    gate = a_gate(GatewayPolicy(region="eu-west"))

    entered(gate, with_token(a_jwt()))
    entered(gate, with_token(a_jwt(regions=("us-east", "eu-west"))))
    assert refused(gate, with_token(a_jwt(regions=("us-east",)))).code is Code.PERMISSION_DENIED


def test_a_page_that_may_not_connect_is_refused_before_its_token_is_looked_at() -> None:
    gate = a_gate(GatewayPolicy(trust=Trust(origins=("https://app.example",))))

    entered(gate, with_token(a_jwt(), Origin="https://app.example"))
    refusal = refused(gate, an_upgrade(Origin="https://evil.example/" + "x" * 9000))

    assert refusal.code is Code.PERMISSION_DENIED
    assert len(refusal.detail) < 200


def test_a_token_in_the_query_can_be_turned_off() -> None:
    gate = a_gate(GatewayPolicy(trust=Trust(allows_query_token=False)))

    assert refused(gate, an_upgrade(f"/?token={a_jwt()}")).code is Code.INVALID_SESSION_TOKEN
    entered(gate, with_token(a_jwt()))


def test_an_address_that_knocks_too_often_waits() -> None:
    gate = a_gate(GatewayPolicy(handshakes=Handshakes(connects_per_second_per_address=2, connect_burst_per_address=1)))
    gate.knock(PEER, NOW)

    with pytest.raises(Refusal) as caught:
        gate.knock(PEER, NOW)

    assert caught.value.code is Code.RATE_LIMIT_EXCEEDED
    assert caught.value.retry_after == pytest.approx(0.5)
    gate.knock("192.0.2.2", NOW)


def test_addresses_of_one_ipv6_subscriber_knock_as_one() -> None:
    gate = a_gate(GatewayPolicy(handshakes=Handshakes(connects_per_second_per_address=2, connect_burst_per_address=1)))
    gate.knock("2001:db8::1", NOW)

    with pytest.raises(Refusal):
        gate.knock("2001:db8::2", NOW)


def test_sessions_of_one_key_may_be_limited_together() -> None:
    gate = a_gate(GatewayPolicy(handshakes=Handshakes(connects_per_second_per_key=1, connect_burst_per_key=1)))
    entered(gate, with_token(a_jwt(1)))

    assert refused(gate, with_token(a_jwt(2))).code is Code.RATE_LIMIT_EXCEEDED
    assert refused(gate, with_token(a_jwt()[:-2])).code is Code.INVALID_SESSION_TOKEN


@pytest.mark.parametrize(
    ("trust", "peer", "speaks_for_others"),
    [
        (Trust(), "10.0.0.1", False),
        (Trust(trusted_proxies=(ip_network("10.0.0.0/8"),)), "10.0.0.1", True),
        (Trust(proxy_protocol_from=(ip_network("10.0.0.0/8"),)), "::ffff:10.0.0.1", True),
        (Trust(proxy_protocol_from=(ip_network("10.0.0.0/8"),)), PEER, False),
    ],
)
def test_listed_proxies_speak_for_others(trust: Trust, peer: str, speaks_for_others: bool) -> None:
    assert a_gate(GatewayPolicy(trust=trust)).is_proxy(peer) is speaks_for_others


def test_behind_a_trusted_proxy_the_client_has_its_own_address() -> None:
    gate = a_gate(GatewayPolicy(trust=Trust(trusted_proxies=(ip_network("10.0.0.0/8"),))))
    upgrade = an_upgrade(extra=[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.9, 10.0.0.2")])

    fields = (*upgrade.head.fields, ("Authorization", f"Bearer {a_jwt()}"))
    by_proxy = upgrade._replace(head=Head(upgrade.head.start, fields))

    assert entered(gate, by_proxy, peer="10.0.0.1").address == "192.0.2.9"
    assert entered(gate, by_proxy, peer="203.0.113.1").address == "203.0.113.1"


def test_behind_a_proxy_a_client_is_counted_before_its_token_is_looked_at() -> None:
    gate = a_gate(GatewayPolicy(handshakes=Handshakes(connects_per_second_per_address=1, connect_burst_per_address=2)))
    codes = []

    for _ in range(3):
        with pytest.raises(Refusal) as caught:
            gate.examine(with_token("no.such.token"), PEER, NOW, is_proxied=True)
        codes.append(caught.value.code)

    assert codes == [Code.INVALID_SESSION_TOKEN, Code.INVALID_SESSION_TOKEN, Code.RATE_LIMIT_EXCEEDED]
