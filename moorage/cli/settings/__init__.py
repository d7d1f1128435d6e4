"""Every setting: its name, default, unit, bounds and meaning. docs/configuration.md is printed from here.

A name is the same everywhere: `gateway.limits.frame_bytes` is `[gateway.limits] frame_bytes` in TOML and
`MOORAGE_GATEWAY__LIMITS__FRAME_BYTES` in the environment. Two underscores, because Kubernetes puts variables like
MOORAGE_GATEWAY_PORT=tcp://10.0.0.1:7400 into every pod beside a Service of that name. Reads nothing itself: see
moorage.cli.sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from moorage.cli.settings.autoscaler import AutoscalerGroup
from moorage.cli.settings.controlplane import (
    ConcurrencyGroup,
    ControlPlaneGroup,
    JoinKeyGroup,
    OfferGroup,
    RateLimitGroup,
    SigningGroup,
)
from moorage.cli.settings.fields import Group, group, port_number, setting
from moorage.cli.settings.fleet import SchedulerGroup, StoreGroup, UpGroup, WorkersGroup
from moorage.cli.settings.gateway import GatewayGroup, HandshakesGroup, LimitsGroup, TlsGroup, TrustGroup

__all__ = [
    "DELIMITER",
    "PREFIX",
    "AutoscalerGroup",
    "ConcurrencyGroup",
    "ControlPlaneGroup",
    "GatewayGroup",
    "HandshakesGroup",
    "JoinKeyGroup",
    "LimitsGroup",
    "ObserveGroup",
    "OfferGroup",
    "RateLimitGroup",
    "SchedulerGroup",
    "Settings",
    "SigningGroup",
    "StoreGroup",
    "TlsGroup",
    "TrustGroup",
    "UpGroup",
    "WorkersGroup",
]

PREFIX = "MOORAGE_"
DELIMITER = "__"


class ObserveGroup(Group):
    """Metrics and health."""

    host: str = setting("", "address for /metrics, /livez and /readyz; empty is `host`")
    port: int = port_number(7402, "port for /metrics, /livez and /readyz")


class Settings(BaseSettings):
    """All of them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data: Path = setting(Path("data"), "folder for keys, database and certificates")
    host: str = setting("127.0.0.1", "address of all listeners that name none of their own")
    admin_key: SecretStr | None = setting(None, "presets the first API key; else it is made and printed once")
    join_key: SecretStr | None = setting(None, "presets the key that lets workers in; else it is made")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "least level that is logged")
    log_format: Literal["auto", "json", "console"] = setting("auto", "auto is console on a terminal, else json")
    gateway: GatewayGroup = group(GatewayGroup, "clients' WebSockets and workers' links")
    store: StoreGroup = group(StoreGroup, "where the fleet's state is")
    scheduler: SchedulerGroup = group(SchedulerGroup, "placement and deadlines")
    controlplane: ControlPlaneGroup = group(ControlPlaneGroup, "the REST API")
    signing: SigningGroup = group(SigningGroup, "what signs session tokens")
    observe: ObserveGroup = group(ObserveGroup, "metrics and health")
    autoscaler: AutoscalerGroup = group(AutoscalerGroup, "what `moorage autoscaler` reads and reaches")
    workers: WorkersGroup = group(WorkersGroup, "started by `moorage up`")
    up: UpGroup = group(UpGroup, "in how many processes")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is given: sources.py merges, because it must remember where each value came from."""
        return (init_settings,)
