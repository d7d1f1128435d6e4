"""Certificates: read again when their files change, kept when the new ones are broken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.io.certificates import Certificates
from gateway.io.engine import make_wire
from gateway.io.metrics import GatewayMetrics
from tests.builders import an_authority


def reloads(registry: CollectorRegistry, result: str) -> float:
    return registry.get_sample_value("moorage_gateway_certificate_reloads_total", {"result": result}) or 0


async def test_a_change_of_either_file_gives_a_new_context_once(tmp_path: Path) -> None:
    wire, registry = make_wire(asyncio.get_running_loop(), "pure"), CollectorRegistry()
    authority = an_authority(tmp_path)
    certificates = Certificates(wire.tls, authority.files, GatewayMetrics(registry), "clients")
    first = certificates.current()

    certificates.reload_if_changed()
    assert certificates.current() is first
    authority.issue("localhost")
    certificates.reload_if_changed()
    second = certificates.current()
    certificates.reload_if_changed()

    assert second is not first
    assert certificates.current() is second
    assert (reloads(registry, "ok"), reloads(registry, "failed")) == (1, 0)


@pytest.mark.parametrize("harm", ["broken", "gone", "another key"])
async def test_a_broken_pair_keeps_the_old_context_and_is_said_once(tmp_path: Path, harm: str) -> None:
    wire, registry = make_wire(asyncio.get_running_loop(), "pure"), CollectorRegistry()
    authority = an_authority(tmp_path)
    certificates = Certificates(wire.tls, authority.files, GatewayMetrics(registry), "clients")
    first = certificates.current()

    if harm == "gone":
        authority.files.certificate.unlink()
    elif harm == "broken":
        authority.files.certificate.write_text("-----BEGIN CERTIFICATE-----\n!")
    else:
        authority.files.key.write_bytes(authority.ca.issue_cert("x").private_key_pem.bytes())
    for _ in range(3):
        certificates.reload_if_changed()

    assert certificates.current() is first
    assert reloads(registry, "failed") == 1


async def test_without_files_there_is_no_tls_and_nothing_to_reload() -> None:
    registry = CollectorRegistry()
    certificates = Certificates(
        make_wire(asyncio.get_running_loop(), "pure").tls, None, GatewayMetrics(registry), "clients"
    )

    certificates.reload_if_changed()
    certificates.reload()

    assert certificates.current() is None
    assert reloads(registry, "failed") == 0


async def test_when_the_certificate_in_use_ends_is_shown_and_follows_a_reload(tmp_path: Path) -> None:
    wire, registry = make_wire(asyncio.get_running_loop(), "pure"), CollectorRegistry()
    authority = an_authority(tmp_path)
    certificates = Certificates(wire.tls, authority.files, GatewayMetrics(registry), "clients")

    def shown() -> float | None:
        return registry.get_sample_value("moorage_gateway_certificate_expiry_timestamp_seconds", {"use": "clients"})

    first = shown()
    short = authority.ca.issue_cert("localhost", not_after=datetime(2035, 1, 1, tzinfo=UTC))
    short.cert_chain_pems[0].write_to_path(authority.files.certificate)
    short.private_key_pem.write_to_path(authority.files.key)
    certificates.reload_if_changed()

    assert first is not None
    assert shown() == datetime(2035, 1, 1, tzinfo=UTC).timestamp() != first
