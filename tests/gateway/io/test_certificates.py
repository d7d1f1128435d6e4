"""Certificates: read again when their files change, kept when the new ones are broken."""

from __future__ import annotations

import asyncio
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
    certificates = Certificates(wire.tls, authority.files, GatewayMetrics(registry))
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
    certificates = Certificates(wire.tls, authority.files, GatewayMetrics(registry))
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
    certificates = Certificates(make_wire(asyncio.get_running_loop(), "pure").tls, None, GatewayMetrics(registry))

    certificates.reload_if_changed()
    certificates.reload()

    assert certificates.current() is None
    assert reloads(registry, "failed") == 0
