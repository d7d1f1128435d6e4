"""What the link server decides: who may register what, and the link's words in the scheduler's and back.

Pure: sockets and the store are gateway/io/link_server.py's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from math import inf

from gateway.addresses import is_inside
from gateway.policy import Networks
from moorage import dialout, link
from moorage.errors import Code
from moorage.ids import GatewayId, WorkerId
from moorage.link import LinkRefused
from scheduler.values import (
    Directive,
    Heartbeat,
    JoinKey,
    Kubernetes,
    Outcome,
    Registered,
    Registration,
    SessionOnWorker,
    WorkerEnd,
)

# RFC 1918, RFC 6598 (pod networks use it), RFC 4193 and loopback. Link-local stays out: 169.254.169.254 holds credentials.
PRIVATE: Networks = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128"),
    )
)

_ADDRESS = re.compile(r"[^\s%]+:[0-9]{1,5}")  # no zone, no white space: they pass as addresses and cannot be dialled


@dataclass(frozen=True, slots=True)
class Terms:
    """What one gateway's links have in common."""

    gateway: GatewayId
    resume_seconds: float
    heartbeat_every: float
    worker_networks: Networks  # empty is PRIVATE


def refusal_of(said: link.Register, key: JoinKey, networks: Networks) -> LinkRefused | None:
    """Why this registration is not allowed, or None."""
    for what, bound, wanted in (("pool", key.pool, said.pool), ("region", key.region, said.region)):
        if bound not in ("*", wanted):
            return LinkRefused(Code.INVALID_JOIN_KEY, f"this join key is for {what} {bound!r}, not {wanted!r}")
    if said.address == dialout.ADDRESS:
        return None  # where it comes from is looked at when it comes
    host, _, port = said.address.rpartition(":")
    if _ADDRESS.fullmatch(said.address) is None or not 0 < int(port) < 65536:
        return LinkRefused(Code.BAD_REQUEST, f"address is ip:port or {dialout.ADDRESS}, not {said.address[:60]!r}")
    if not is_inside(host, networks or PRIVATE):
        return LinkRefused(Code.PERMISSION_DENIED, f"address {host[:60]} is outside worker_networks")
    return None


def registration(said: link.Register, gateway: GatewayId) -> Registration:
    """In the scheduler's words."""
    pod = said.kubernetes
    return Registration(
        name=said.name,
        region=said.region,
        pool=said.pool,
        address=said.address,
        slots=said.slots,
        labels=frozenset(said.labels),
        version=said.version,
        sessions=_listed(said.sessions),
        kubernetes=None if pod is None else Kubernetes(pod.namespace, pod.pod, pod.uid),
        again=said.again,
        claim_key=said.claim_key,
        gateway=gateway,
        is_starting=True,  # until its first beat: only then it has the key that its claims are signed with
    )


def registered(answer: Registered, terms: Terms) -> link.Registered:
    """In the link's words."""
    return link.Registered(
        worker_id=answer.worker,
        claim_key=answer.claim_key,
        epoch=answer.epoch,
        lease_seconds=answer.lease_seconds,
        heartbeat_every=terms.heartbeat_every,
        resume_seconds=terms.resume_seconds,
    )


def heartbeat(said: link.Heartbeat, worker: WorkerId, gateway: GatewayId) -> Heartbeat:
    """In the scheduler's words."""
    return Heartbeat(
        worker=worker,
        seq=said.seq,
        in_use=said.in_use,
        load=said.load,
        attached=_listed(said.attached),
        detached=_listed(said.detached),
        ended=tuple(
            WorkerEnd(each.session, each.fence, Outcome(each.outcome.value), each.reason) for each in said.ended
        ),
        gateway=gateway,
        is_ready=said.is_ready,
    )


def directive(order: Directive, now: float) -> link.Directive:
    """In the link's words: the deadline as seconds from now."""
    seconds = None if order.deadline is None or order.deadline == inf else max(order.deadline - now, 0.0)
    return link.Directive(
        link.Order(order.order.value),
        order.session,
        order.fence,
        seconds,
        order.reason,
        order.gateway or None,
        order.ticket or None,
    )


def _listed(sessions: tuple[link.Listed, ...]) -> tuple[SessionOnWorker, ...]:
    return tuple(SessionOnWorker(each.session, each.fence, each.is_attached) for each in sessions)
