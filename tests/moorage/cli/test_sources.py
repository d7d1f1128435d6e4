"""Where settings come from, and the sentences that a wrong one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.cli.sources import WrongSetting, effective, load


def test_without_anything_every_setting_is_its_default() -> None:
    loaded = load({}, None)

    assert loaded.settings.gateway.port == 7400
    assert {origin for _, _, origin in effective(loaded)} == {"default"}


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.toml"
    file.write_text("[gateway]\nport = 1\nlink_port = 1\nwait_seconds = 1\n")
    monkeypatch.setenv("MOORAGE_GATEWAY__PORT", "2")
    monkeypatch.setenv("MOORAGE_GATEWAY__LINK_PORT", "2")

    loaded = load({"gateway.port": 3, "gateway.link_port": None}, file)

    gateway = loaded.settings.gateway
    assert (gateway.port, gateway.link_port, gateway.wait_seconds) == (3, 2, 1.0)
    assert loaded.origins == {
        ("gateway", "port"): "--port",
        ("gateway", "link_port"): "MOORAGE_GATEWAY__LINK_PORT",
        ("gateway", "wait_seconds"): f"gateway.wait_seconds in {file}",
    }


def test_a_file_in_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moorage.toml").write_text('log_level = "debug"\n')

    loaded = load({}, None)

    assert loaded.settings.log_level == "debug"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "MOORAGE_GATEWAY__PORT",
            "abc",
            "MOORAGE_GATEWAY__PORT is 'abc': port for clients; it may be a whole number from 0 to 65535",
        ),
        (
            "MOORAGE_LOG_LEVEL",
            "loud",
            "MOORAGE_LOG_LEVEL is 'loud': least level that is logged; it may be debug or info or warning or error",
        ),
        (
            "MOORAGE_GATEWAY__PROT",
            "1",
            "MOORAGE_GATEWAY__PROT is no setting: did you mean MOORAGE_GATEWAY__PORT?",
        ),
        (
            "MOORAGE_LINK_PORT",
            "1",
            "MOORAGE_LINK_PORT is no setting: did you mean MOORAGE_GATEWAY__LINK_PORT?",
        ),
        ("MOORAGE_NOPE", "1", "MOORAGE_NOPE is no setting: `moorage config` lists all settings"),
        ("MOORAGE_ZZZ", "1", "MOORAGE_ZZZ is no setting: `moorage config` lists all settings"),
    ],
)
def test_a_wrong_variable_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(WrongSetting) as refused:
        load({}, None)

    assert str(refused.value) == sentence


def test_a_wrong_network_in_a_list_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__TRUST__TRUSTED_PROXIES", "10.0.0.0/8, fd00:/8")

    with pytest.raises(WrongSetting, match=r"TRUSTED_PROXIES is 'fd00:/8'.*networks like 10\.0\.0\.0/8"):
        load({}, None)


def test_lists_in_the_environment_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__TRUST__ORIGINS", "https://a.example, https://b.example")

    assert load({}, None).settings.gateway.trust.origins == ("https://a.example", "https://b.example")


def test_a_wrong_flag_is_named_as_it_was_written() -> None:
    with pytest.raises(WrongSetting, match="--port is 70000"):
        load({"gateway.port": 70000}, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gateway]\nprot = 1\n", "gateway.prot in .* is no setting: did you mean gateway.port?"),
        ("[gatway]\nport = 1\n", "gatway.port in .* is no setting"),
        ("gateway = ", "is no TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "moorage.toml"
    file.write_text(text)

    with pytest.raises(WrongSetting, match=sentence):
        load({}, file)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="cannot be read: No such file"):
        load({}, tmp_path / "nowhere.toml")


def test_what_kubernetes_injects_for_services_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY_PORT", "tcp://10.0.0.1:7400")
    monkeypatch.setenv("MOORAGE_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("MOORAGE_PORT_7400_TCP_ADDR", "10.0.0.1")

    assert load({}, None).settings.gateway.port == 7400


def test_a_port_that_looks_like_a_service_link_but_is_a_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY_PORT", "7400")

    with pytest.raises(WrongSetting, match="did you mean MOORAGE_GATEWAY__PORT"):
        load({}, None)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_ADMIN_KEY", "ak_very_secret")

    shown = {setting.name: value for setting, value, _ in effective(load({}, None))}

    assert shown["admin_key",] == "***"
    assert shown["join_key",] is None
    assert "very_secret" not in repr(load({}, None))
