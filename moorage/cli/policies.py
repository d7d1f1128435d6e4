"""Settings into the frozen policies that the parts take. Pure: nothing is opened here."""

from __future__ import annotations

from gateway.policy import GatewayPolicy, Handshakes, TlsFiles, Trust
from gateway.relay import Limits
from moorage.cli.settings import Settings, TlsGroup
from moorage.cli.sources import WrongSetting


def gateway_policy(settings: Settings, development: TlsFiles | None = None) -> GatewayPolicy:
    """`development` is the certificate for TLS without files of its own. Raises WrongSetting."""
    group = settings.gateway
    return GatewayPolicy(
        host=group.host or settings.host,
        port=group.port,
        link_host=group.link_host or settings.host,
        link_port=group.link_port,
        node=group.node,
        tls=tls_files(group.tls, "gateway.tls", development),
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
