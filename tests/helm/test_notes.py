"""What NOTES.txt tells people is so, and what it tells them to type works."""

from __future__ import annotations

import base64

import pytest

from tests.helm.releases import Release

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

PRODUCTION = (
    "redis.existingSecret=r",
    "database.existingSecret=d",
    "database.migrations.hook=false",
    "tls.mode=secret",
    "tls.secretName=t",
    "publicUrl=wss://play.example.com",
    "adminKey.existingSecret=a",
    "pools.example=null",
    "pools.chat.image.repository=chat",
    "pools.chat.scaling=fixed",
    "pools.chat.replicas=3",
)


def test_the_line_that_gets_the_admin_key_gets_it(release: Release) -> None:
    release.install()

    typed = next(line.strip() for line in release.notes().splitlines() if line.startswith("  kubectl get secret"))

    (kept,) = [each for each in release.get("secrets") if each["metadata"]["name"].endswith("-admin")]
    assert release.sh(typed) == base64.b64decode(kept["data"]["admin.key"]).decode()


def test_the_defaults_are_told_for_what_they_are(release: Release) -> None:
    release.install()

    notes = release.notes()

    assert f"wss://{release.name}-moorage-gateway.{release.name}.svc.cluster.local:7400" in notes
    assert "local/example            Moorage's autoscaler, 1 to 4 workers; it cuts no session" in notes
    for value in ("redis.url", "database.url", "tls.mode", "publicUrl"):
        assert value in notes.partition("NOT FOR PRODUCTION")[2].partition("UNINSTALLING")[0]
    for claim in ("valkey", "controlplane"):
        assert f"PersistentVolumeClaim {release.name}-moorage-{claim}" in notes.partition("UNINSTALLING")[2]


def test_values_for_production_are_told_nothing_and_leave_nothing(release: Release) -> None:
    release.install(*PRODUCTION)

    notes = release.notes()

    assert "CLIENTS connect to   wss://play.example.com" in notes
    assert "local/chat               nobody: 3 workers, as these values say" in notes
    assert "NOT FOR PRODUCTION" not in notes
    assert "UNINSTALLING" not in notes
