"""`moorage config`, and the page that is printed from the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from moorage.cli import autoscaler_run, controlplane, gateway, up
from moorage.cli.catalogue import FLAGS, catalogue
from moorage.cli.config import reference_lines
from moorage.cli.root import moorage

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_what_the_settings_say() -> None:
    page = (ROOT / "docs/configuration.md").read_text()

    assert page.splitlines() == list(reference_lines()), (
        "print it anew: moorage config --reference > docs/configuration.md"
    )


def test_every_setting_says_what_it_does_and_what_it_may_be() -> None:
    for setting in catalogue():
        assert setting.about, setting.name
        assert setting.may_be, setting.name


def test_a_numeric_setting_that_is_no_port_has_a_unit() -> None:
    unitless = {
        setting.name
        for setting in catalogue()
        if isinstance(setting.default, int | float) and not isinstance(setting.default, bool) and not setting.unit
    }

    assert {name[-1] for name in unitless} <= {"port", "link_port", "dialout_port", "soft_cap"}


def test_the_options_of_the_programs_are_settings() -> None:
    options = {name for command in (up, gateway, controlplane, autoscaler_run) for name in command.OPTIONS.values()}

    assert {tuple(name.split(".")) for name in options} == set(FLAGS)
    assert set(FLAGS) <= {setting.name for setting in catalogue()}


def test_config_shows_values_with_their_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__PORT", "7500")
    monkeypatch.setenv("MOORAGE_ADMIN_KEY", "ak_very_secret")

    answer = CliRunner().invoke(moorage, ["config", "--json"])

    rows = {row["setting"]: row for row in json.loads(answer.output)}
    assert rows["gateway.port"] == {
        "setting": "gateway.port",
        "value": 7500,
        "unit": "",
        "from": "MOORAGE_GATEWAY__PORT",
    }
    assert rows["admin_key"]["value"] == "***"
    assert rows["data"]["from"] == "default"
    assert "very_secret" not in answer.output


def test_addresses_of_prometheus_are_shown_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_AUTOSCALER__PROMETHEUS__URLS", "http://ali:sesame@one:9090,http://two:9090")

    answer = CliRunner().invoke(moorage, ["config", "--json"])

    rows = {row["setting"]: row for row in json.loads(answer.output)}
    assert rows["autoscaler.prometheus.urls"]["value"] == ["http://ali:***@one:9090", "http://two:9090"]


def test_config_without_a_terminal_is_plain_columns() -> None:
    answer = CliRunner().invoke(moorage, ["config"])

    assert answer.exit_code == 0
    assert answer.output.splitlines()[0].split() == ["setting", "value", "unit", "from"]
    assert "\x1b" not in answer.output


def test_a_wrong_setting_is_one_sentence_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__PORT", "abc")

    answer = CliRunner().invoke(moorage, ["config"])

    assert answer.exit_code == 1
    assert answer.output.splitlines() == [
        "Error: MOORAGE_GATEWAY__PORT is 'abc': port for clients; it may be a whole number from 0 to 65535"
    ]


@pytest.mark.parametrize("command", [["up"], ["doctor"]])
def test_programs_refuse_wrong_settings_before_they_open_anything(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("MOORAGE_WORKERS__COUNT", "many")

    answer = CliRunner().invoke(moorage, command)

    assert answer.exit_code == 1
    assert "MOORAGE_WORKERS__COUNT is 'many'" in answer.output
    assert not Path("data").exists()
