"""Settings become policies, and defaults stay defaults."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from controlplane.policy import ControlPlanePolicy, Offer
from gateway.policy import GatewayPolicy, Handshakes, TlsFiles, Trust
from gateway.relay import Limits
from moorage.cli.policies import (
    control_plane_policy,
    embedded_policy,
    gateway_policy,
    scheduler_policy,
    wants_development_certificate,
)
from moorage.cli.settings import GatewayGroup, HandshakesGroup, LimitsGroup, TrustGroup
from moorage.cli.sources import WrongSetting, load
from scheduler.policy import SchedulerPolicy


def test_the_default_settings_are_the_default_policy() -> None:
    assert gateway_policy(load({}, None).settings) == GatewayPolicy()


@pytest.mark.parametrize(
    ("group", "policy"),
    [(GatewayGroup, GatewayPolicy), (LimitsGroup, Limits), (HandshakesGroup, Handshakes), (TrustGroup, Trust)],
)
def test_every_field_of_a_policy_is_a_setting(group: type[BaseModel], policy: type) -> None:
    assert set(group.model_fields) == {field.name for field in fields(policy)}


def test_the_other_parts_have_their_defaults_too() -> None:
    settings = load({}, None).settings

    assert scheduler_policy(settings) == SchedulerPolicy()
    assert embedded_policy(settings) == SchedulerPolicy(adoption_seconds=0.0)
    assert control_plane_policy(settings) == ControlPlanePolicy(data_folder=Path("data").absolute())


@pytest.mark.parametrize(
    ("name", "seconds", "sentence"),
    [
        ("suspect_after", 1.0, "over 1, the time between two heartbeats"),
        ("suspect_after", 5.0, "scheduler.worker_lost_after is 5: it must be over 5, scheduler.suspect_after"),
        ("worker_lost_after", 15.0, "scheduler.gateway_lost_after is 15"),
        ("reservation", 9.0, "over 9, the time to dial every candidate"),
    ],
)
def test_deadlines_that_cannot_work_together_are_a_wrong_setting(name: str, seconds: float, sentence: str) -> None:
    settings = load({f"scheduler.{name}": seconds}, None).settings

    with pytest.raises(WrongSetting, match=sentence):
        scheduler_policy(settings)


def test_workers_over_rest_are_told_the_deadlines_in_force() -> None:
    settings = load({"scheduler.worker_lost_after": 8.0, "gateway.resume_seconds": 120.0}, None).settings

    policy = control_plane_policy(settings)

    assert (policy.lease_seconds, policy.resume_seconds) == (8.0, 120.0)


def test_offers_come_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "moorage.toml"
    file.write_text('[controlplane.qualities.high]\npools = ["gpu"]\nlabels = { tier = "a" }\n')

    policy = control_plane_policy(load({}, file).settings)

    assert policy.qualities == {"high": Offer(("gpu",), frozenset({("tier", "a")}))}


def test_a_wildcard_is_no_address_for_clients() -> None:
    settings = load({"host": "0.0.0.0", "gateway.tls.certificate": "c.pem", "gateway.tls.key": "k.pem"}, None).settings

    assert gateway_policy(settings).node == "wss://localhost:7400"


def test_one_host_serves_all_listeners() -> None:
    policy = gateway_policy(load({"host": "0.0.0.0"}, None).settings)

    assert (policy.host, policy.link_host) == ("0.0.0.0", "0.0.0.0")


def test_tls_without_files_takes_the_development_certificate() -> None:
    settings = load({"gateway.tls.enabled": True}, None).settings
    files = TlsFiles(Path("c.pem"), Path("k.pem"))

    assert wants_development_certificate(settings)
    assert gateway_policy(settings, files).tls == files
    assert gateway_policy(settings, files).link_tls is None


def test_files_alone_turn_tls_on() -> None:
    settings = load({"gateway.tls.certificate": "c.pem", "gateway.tls.key": "k.pem"}, None).settings

    assert not wants_development_certificate(settings)
    assert gateway_policy(settings).tls == TlsFiles(Path("c.pem"), Path("k.pem"))


def test_a_certificate_without_its_key_is_a_wrong_setting() -> None:
    settings = load({"gateway.tls.certificate": "c.pem"}, None).settings

    with pytest.raises(WrongSetting, match="go together"):
        gateway_policy(settings)


def test_the_address_to_dial_out_to_is_written_in_one_way() -> None:
    policy = gateway_policy(load({"gateway.dialout_address": "https://gw-1.internal:7404/"}, None).settings)

    assert policy.dialout_address == "https://gw-1.internal:7404"


def test_what_is_no_address_to_dial_out_to_is_one_sentence() -> None:
    with pytest.raises(WrongSetting, match=r"gateway\.dialout_address: .*http://host:port"):
        gateway_policy(load({"gateway.dialout_address": "10.0.0.5:7404"}, None).settings)
