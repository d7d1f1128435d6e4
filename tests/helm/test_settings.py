"""What the chart writes for programs is what they read: their settings, and the autoscaler's policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.policies import policies_of
from autoscaler.policy import KubernetesTarget, RemovalMode
from moorage.cli.settings import Settings
from moorage.cli.sources import load
from tests.helm.charts import Document, with_values
from tests.helm.objects import of_kind

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]

PROGRAMS = ("gateway", "controlplane", "autoscaler")


def file_of(objects: tuple[Document, ...], program: str, name: str = "moorage.toml") -> str | None:
    """A file of the program's ConfigMap; None where the program is not there."""
    for each in of_kind(objects, "ConfigMap"):
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == program and name in each["data"]:
            return str(each["data"][name])
    return None


def settings_of(objects: tuple[Document, ...], program: str, folder: Path) -> Settings:
    """As the program reads them."""
    text = file_of(objects, program)
    assert text is not None
    path = folder / f"{program}.toml"
    path.write_text(text)
    return load({}, path).settings


def test_every_program_takes_its_settings(objects: tuple[Document, ...], tmp_path: Path) -> None:
    for program in PROGRAMS:
        if file_of(objects, program) is not None:
            assert settings_of(objects, program, tmp_path).store.wait_seconds == 90


def test_the_autoscaler_takes_its_policies(objects: tuple[Document, ...]) -> None:
    text = file_of(objects, "autoscaler", "pools.toml")
    if text is None:
        return

    targets = {policy.target.name for policy in policies_of(text) if isinstance(policy.target, KubernetesTarget)}

    deployments = {each["metadata"]["name"] for each in of_kind(objects, "Deployment")}
    assert targets
    assert targets <= deployments


def test_numbers_truths_texts_lists_and_tables_arrive_as_they_were_said(tmp_path: Path) -> None:
    objects = with_values(
        """
        settings:
          gateway:
            resume_seconds: 60
            limits: {frame_bytes: 3000000}
            trust: {origins: ["https://*.example.com"], allows_query_token: false}
          scheduler: {soft_cap: 0.85}
          controlplane: {qualities: {high: {pools: [gpu], labels: {"a b": 'say "x"'}}}}
        """
    )

    gateway = settings_of(objects, "gateway", tmp_path)
    control = settings_of(objects, "controlplane", tmp_path)

    assert (gateway.gateway.resume_seconds, gateway.gateway.limits.frame_bytes) == (60, 3_000_000)
    assert gateway.gateway.trust.origins == ("https://*.example.com",)
    assert not gateway.gateway.trust.allows_query_token
    assert gateway.scheduler.soft_cap == control.scheduler.soft_cap == 0.85
    assert control.controlplane.qualities["high"].pools == ("gpu",)
    assert control.controlplane.qualities["high"].labels == {"a b": 'say "x"'}


def test_a_pools_policy_is_its_fields_the_defaults_and_what_it_says_itself() -> None:
    objects = with_values(
        """
        autoscaler: {policyDefaults: {buffer_slots: 4}}
        pools:
          example: null
          gpu:
            region: eu-west
            slots: 8
            minimum: 0
            maximum: 12
            labels: {gpu: a100}
            policy:
              removal: exact
              every: 2.5
              schedules: [{name: mornings, cron: "0 8 * * mon-fri", time_zone: Europe/Berlin, duration: 7200, workers: 20}]
              rules: [{name: ringing, query: 'sum(calls{state="ringing"})', per_worker: 8}]
        """
    )

    (policy,) = policies_of(file_of(objects, "autoscaler", "pools.toml") or "")

    assert (policy.region, policy.pool, policy.slots, policy.minimum, policy.maximum) == ("eu-west", "gpu", 8, 0, 12)
    assert (policy.buffer_slots, policy.every) == (4, 2.5)
    assert dict(policy.labels) == {"gpu": "a100"}
    assert isinstance(policy.target, KubernetesTarget)
    assert policy.target.removal is RemovalMode.EXACT
    assert policy.schedules[0].workers == 20
    assert policy.rules[0].query == 'sum(calls{state="ringing"})'


def test_each_pools_join_key_is_a_file_of_the_control_plane_and_the_workers_alone(tmp_path: Path) -> None:
    objects = with_values("pools: {chat: {pool: Chat, region: eu}, gpu: {joinKey: {existingSecret: mine, key: k}}}")

    keys = settings_of(objects, "controlplane", tmp_path).controlplane.join_keys

    assert {name: (key.pool, key.region, str(key.file)) for name, key in keys.items()} == {
        "chat": ("Chat", "eu", "/etc/moorage/join/chat"),
        "example": ("example", "local", "/etc/moorage/join/example"),
        "gpu": ("gpu", "local", "/etc/moorage/join/gpu"),
    }
    mounted = {
        each["metadata"]["name"]: [
            (volume["secret"]["secretName"], [item["key"] for item in volume["secret"]["items"]])
            for volume in each["spec"]["template"]["spec"]["volumes"]
            if volume["name"] == "join"
        ]
        for each in of_kind(objects, "Deployment")
        if "-pool-" in each["metadata"]["name"]
    }
    assert mounted == {
        "it-moorage-pool-chat": [("it-moorage-join", ["chat"])],
        "it-moorage-pool-example": [("it-moorage-join", ["example"])],
        "it-moorage-pool-gpu": [("mine", ["k"])],
    }
