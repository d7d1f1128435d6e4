"""Settings into the frozen policies that the parts take. Pure: nothing is opened here."""

from __future__ import annotations

from dataclasses import replace

from controlplane.policy import PRIVATE_NETWORKS, ControlPlanePolicy, JoinKeyFile, Offer, RateLimit
from gateway.policy import GatewayPolicy, Handshakes, TlsFiles, Trust
from gateway.relay import Limits
from moorage.cli.addresses import WILDCARDS, url
from moorage.cli.settings import OfferGroup, Settings, TlsGroup
from moorage.cli.sources import WrongSetting
from moorage.deadlines import DIAL, DIAL_CANDIDATES, HEARTBEAT_EVERY
from moorage.dialout import address_of, place_of
from scheduler.policy import SchedulerPolicy
from scheduler.values import Concurrency


def gateway_policy(settings: Settings, development: TlsFiles | None = None) -> GatewayPolicy:
    """`development` is the certificate for TLS without files of its own. Raises WrongSetting."""
    group = settings.gateway
    host, tls = group.host or settings.host, tls_files(group.tls, "gateway.tls", development)
    return GatewayPolicy(
        host=host,
        port=group.port,
        link_host=group.link_host or settings.host,
        link_port=group.link_port,
        dialout_port=group.dialout_port,
        dialout_address=_dialout_address(group.dialout_address),
        node=group.node or _node(host, group.port, is_tls=tls is not None),
        tls=tls,
        link_tls=tls_files(group.link_tls, "gateway.link_tls", development),
        wire=group.wire,
        region=group.region,
        limits=Limits(**group.limits.model_dump()),
        handshakes=Handshakes(**group.handshakes.model_dump()),
        trust=Trust(**group.trust.model_dump()),
        duplicates=group.duplicates,
        wait_seconds=group.wait_seconds,
        resume_seconds=group.resume_seconds,
        drain_seconds=group.drain_seconds,
        checkpoint_seconds=group.checkpoint_seconds,
    )


def scheduler_policy(settings: Settings) -> SchedulerPolicy:
    """Field for field. Raises WrongSetting for deadlines that cannot work together."""
    policy = SchedulerPolicy(**settings.scheduler.model_dump())
    _check_deadlines(policy)
    return policy


def embedded_policy(settings: Settings) -> SchedulerPolicy:
    """For a store in the gateway's own process: they die together, so that nobody is left to adopt anything. As
    `scheduler_policy`."""
    return replace(scheduler_policy(settings), adoption_seconds=0.0)


def _check_deadlines(policy: SchedulerPolicy) -> None:
    for name, seconds, over, least in (
        ("suspect_after", policy.suspect_after, "the time between two heartbeats", HEARTBEAT_EVERY),
        ("worker_lost_after", policy.worker_lost_after, "scheduler.suspect_after", policy.suspect_after),
        ("reservation", policy.reservation, "the time to dial every candidate", DIAL_CANDIDATES * DIAL),
        ("gateway_lost_after", policy.gateway_lost_after, "scheduler.worker_lost_after", policy.worker_lost_after),
    ):
        if seconds <= least:
            raise WrongSetting(f"scheduler.{name} is {seconds:g}: it must be over {least:g}, {over}")


def control_plane_policy(settings: Settings) -> ControlPlanePolicy:
    """Its secrets in the clear: the control plane hashes them."""
    group = settings.controlplane
    same = {
        name: getattr(group, name)
        for name in type(group).model_fields
        if name not in ("host", "database_url", "concurrency", "rate_limit", "qualities", "features", "join_keys")
    }
    return ControlPlanePolicy(
        **same,
        data_folder=settings.data.absolute(),
        host=group.host or settings.host,
        database_url=group.database_url.get_secret_value() if group.database_url else "",
        concurrency=Concurrency(**group.concurrency.model_dump()),
        rate_limit=RateLimit(**group.rate_limit.model_dump()),
        qualities={name: _offer(offer) for name, offer in group.qualities.items()},
        features={name: _offer(offer) for name, offer in group.features.items()},
        worker_networks=settings.gateway.trust.worker_networks or PRIVATE_NETWORKS,
        lease_seconds=settings.scheduler.worker_lost_after,
        resume_seconds=settings.gateway.resume_seconds,
        admin_key=settings.admin_key.get_secret_value() if settings.admin_key else "",
        join_key=settings.join_key.get_secret_value() if settings.join_key else "",
        join_keys={name: JoinKeyFile(**entry.model_dump()) for name, entry in group.join_keys.items()},
    )


def _offer(group: OfferGroup) -> Offer:
    return Offer(group.pools, frozenset(group.labels.items()))


def _dialout_address(said: str) -> str:
    try:
        return said and address_of(place_of(said))
    except ValueError as error:
        raise WrongSetting(f"gateway.dialout_address: {error}") from error


def _node(host: str, port: int, *, is_tls: bool) -> str:
    """A wildcard is no address for clients: without a setting they are taken to be on this machine."""
    if host not in WILDCARDS or port == 0:
        return ""
    return url("wss" if is_tls else "ws", "localhost", port)


def tls_files(group: TlsGroup, name: str, development: TlsFiles | None) -> TlsFiles | None:
    """None where TLS is off. Files alone turn it on. Raises WrongSetting."""
    if group.certificate and group.key:
        return TlsFiles(group.certificate, group.key)
    if group.certificate or group.key:
        raise WrongSetting(f"{name}.certificate and {name}.key go together: name both or neither")
    if not group.enabled:
        return None
    if development is None:
        raise WrongSetting(f"{name}.enabled needs {name}.certificate and {name}.key")
    return development


def wants_development_certificate(settings: Settings) -> bool:
    """Whether some listener serves TLS without files of its own."""
    groups = (settings.gateway.tls, settings.gateway.link_tls)
    return any(group.enabled and not (group.certificate or group.key) for group in groups)
