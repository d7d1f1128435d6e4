"""The settings say where rules are asked; without addresses nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.io.prometheus.rules import Rules
from autoscaler.io.signals import NoSignals
from moorage.cli.settings.autoscaler import PrometheusGroup
from moorage.cli.signals import open_signals
from moorage.cli.sources import WrongSetting


def now() -> float:
    return 1000.0


async def test_without_addresses_there_are_no_signals() -> None:
    assert isinstance(open_signals(PrometheusGroup(), now), NoSignals)


async def test_with_addresses_there_are_rules() -> None:
    signals = open_signals(PrometheusGroup(urls=("http://127.0.0.1:1",)), now)

    assert isinstance(signals, Rules)
    await signals.close()


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (PrometheusGroup(urls=("prometheus:9090",)), "prometheus:9090"),
        (PrometheusGroup(urls=("http://p",), ca_file=Path("/nowhere.pem")), "nowhere"),
        (PrometheusGroup(urls=("http://p",), username="ali", bearer_token_file=Path("t")), "not both"),
    ],
)
async def test_a_wrong_setting_is_named(wrong: PrometheusGroup, names: str) -> None:
    with pytest.raises(WrongSetting, match=names):
        open_signals(wrong, now)
