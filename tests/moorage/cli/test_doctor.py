"""`moorage doctor` on a real machine: what it looks at, and its exit code."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from moorage.cli.certificate import development_certificate
from moorage.cli.root import moorage
from tests.moorage.cli.fleet import a_store
from tests.redis_server import free_port


@pytest.fixture(autouse=True)
def _ports_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual ones may be in use on the machine that runs the tests."""
    for group in ("GATEWAY__PORT", "GATEWAY__LINK_PORT", "CONTROLPLANE__PORT", "OBSERVE__PORT"):
        monkeypatch.setenv(f"MOORAGE_{group}", "0")


def test_a_machine_in_order_passes_and_every_finding_is_a_sentence() -> None:
    status, found = examined()

    assert status == 0
    assert {"data folder", "file descriptors", "clock", "store", "relay", "event loop"} <= set(found)
    assert all(finding["sentence"] for finding in found.values())


def test_people_read_a_line_a_finding() -> None:
    answer = CliRunner().invoke(moorage, ["doctor"])

    assert answer.output.startswith("ok    data folder: data can be written\n")
    assert "\x1b" not in answer.output


def test_a_taken_port_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("MOORAGE_GATEWAY__PORT", str(taken.getsockname()[1]))

        status, found = examined()

    assert status == 1
    assert found["port of clients"]["grade"] == "fail"
    assert "it is taken" in found["port of clients"]["sentence"]


def test_a_free_port_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("MOORAGE_OBSERVE__PORT", str(port))

    _, found = examined()

    assert found["port of metrics and health"]["sentence"] == f"127.0.0.1:{port} is free"


def test_a_data_folder_that_is_a_file_fails() -> None:
    Path("data").write_text("not a folder")

    status, found = examined()

    assert status == 1
    assert "cannot be written" in found["data folder"]["sentence"]


def test_a_certificate_that_fits_its_key_passes_and_another_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = development_certificate(Path("one"), "127.0.0.1")
    _, other_key = development_certificate(Path("two"), "127.0.0.1")
    monkeypatch.setenv("MOORAGE_GATEWAY__TLS__CERTIFICATE", str(certificate))
    monkeypatch.setenv("MOORAGE_GATEWAY__TLS__KEY", str(key))

    fitting = examined()
    monkeypatch.setenv("MOORAGE_GATEWAY__TLS__KEY", str(other_key))
    mismatched = examined()

    assert fitting[1]["TLS of clients"]["grade"] == "ok"
    assert (mismatched[0], mismatched[1]["TLS of clients"]["grade"]) == (1, "fail")


def test_a_missing_certificate_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__LINK_TLS__CERTIFICATE", "nowhere.pem")
    monkeypatch.setenv("MOORAGE_GATEWAY__LINK_TLS__KEY", "nowhere.pem")

    status, found = examined()

    assert status == 1
    assert "No such file" in found["TLS of links"]["sentence"]


def test_the_pure_relay_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_GATEWAY__WIRE", "pure")

    status, found = examined()

    assert status == 0
    assert "gateway.wire asks for it" in found["relay"]["sentence"]


def test_an_api_that_does_not_answer_tells_nothing_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_URL", "http://127.0.0.1:1")

    status, found = examined()

    assert status == 0
    assert found["clock"]["grade"] in ("ok", "warn")


def examined() -> tuple[int, dict[str, Any]]:
    answer = CliRunner().invoke(moorage, ["doctor", "--json"])
    return answer.exit_code, {finding["subject"]: finding for finding in json.loads(answer.output)}


def test_a_store_and_a_database_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_store(tmp_path) as url:
        monkeypatch.setenv("MOORAGE_STORE__URL", url)
        monkeypatch.setenv("MOORAGE_CONTROLPLANE__DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/d.db")

        status, found = examined()

    assert status == 0
    assert "answers, version" in found["store"]["sentence"]
    assert "store persistence" not in found
    assert found["database"]["grade"] == "ok"


def test_a_store_and_a_database_that_are_away_fail_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_STORE__URL", "redis://u:secret@127.0.0.1:1")
    monkeypatch.setenv("MOORAGE_CONTROLPLANE__DATABASE_URL", "postgresql+asyncpg://u:secret@127.0.0.1:1/d")

    status, found = examined()

    assert status == 1
    assert (found["store"]["grade"], found["database"]["grade"]) == ("fail", "fail")
    assert "secret" not in str(found)


def test_a_store_url_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_STORE__URL", "ftp://there")

    _, found = examined()

    assert "store.url" in found["store"]["sentence"]


def test_without_a_kubeconfig_an_installation_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "nowhere")

    answer = CliRunner().invoke(moorage, ["doctor", "--kubernetes"])

    assert answer.exit_code == 1
    assert answer.output.startswith("fail  API server: there is no kubeconfig nowhere\n      -> set KUBECONFIG")


def test_options_of_a_cluster_go_with_it_only() -> None:
    answer = CliRunner().invoke(moorage, ["doctor", "--namespace", "prod"])

    assert answer.exit_code == 2
    assert "--namespace goes with --kubernetes" in answer.output
