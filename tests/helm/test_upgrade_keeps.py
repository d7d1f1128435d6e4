"""An upgrade keeps what it did not make: Secrets of the first install, and replicas that somebody else wrote."""

from __future__ import annotations

import pytest

from tests.helm.releases import Release

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]


def secrets(release: Release) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each.get("data", {}) for each in release.get("secrets")}


def replicas(release: Release, deployment: str) -> int:
    found = {each["metadata"]["name"]: each["spec"]["replicas"] for each in release.get("deployments")}
    return int(found[deployment])


def test_generated_secrets_are_the_same_after_an_upgrade_and_a_roll_back(release: Release) -> None:
    release.install()
    made = secrets(release)

    release.upgrade("logLevel=debug", "gateway.replicas=3")
    after_upgrade = secrets(release)
    release.roll_back()

    assert made
    assert all(value for data in made.values() for value in data.values())
    assert after_upgrade == made
    assert secrets(release) == made


def test_a_new_name_makes_another_certificate_of_the_same_authority(release: Release) -> None:
    release.install()
    before = secrets(release)[f"{release.name}-moorage-tls"]

    release.upgrade("publicUrl=wss://play.example.com")

    after = secrets(release)[f"{release.name}-moorage-tls"]
    assert after["tls.crt"] != before["tls.crt"]
    assert (after["ca.crt"], after["ca.key"]) == (before["ca.crt"], before["ca.key"])


def test_a_new_pool_gets_a_key_and_the_others_keep_theirs(release: Release) -> None:
    release.install()
    before = secrets(release)[f"{release.name}-moorage-join"]

    release.upgrade("pools.chat.maximum=2")

    after = secrets(release)[f"{release.name}-moorage-join"]
    assert after.keys() == {"example", "chat"}
    assert after["example"] == before["example"]


def test_replicas_that_somebody_else_wrote_are_not_written_back(release: Release) -> None:
    pool = f"{release.name}-moorage-pool-example"
    release.install()
    release.scale(pool, 3)

    release.upgrade("logLevel=debug")
    after_upgrade = replicas(release, pool)
    release.roll_back()

    assert after_upgrade == 3
    assert replicas(release, pool) == 3


def test_a_pool_that_becomes_fixed_has_the_charts_number_and_is_not_given_up_with_workers(release: Release) -> None:
    pool = f"{release.name}-moorage-pool-example"
    release.install()

    release.upgrade("pools.example.scaling=fixed", "pools.example.replicas=4")
    with pytest.raises(AssertionError, match=r"pools\.example\.scaling is fixed in the cluster, with 4 workers"):
        release.upgrade("pools.example.scaling=builtin")

    assert replicas(release, pool) == 4
