"""What a program of a pod leaves where `kubectl describe pod` shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from moorage.cli.lastword import MOST_BYTES, leave_word
from moorage.cli.root import moorage


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "termination-log"
    path.touch()
    monkeypatch.setenv("MOORAGE_POD_NAME", "moorage-gateway-0")
    monkeypatch.setenv("MOORAGE_POD_TERMINATION_LOG", str(path))
    return path


def test_the_sentence_that_ends_a_start_is_the_pod_s_last_word(log: Path) -> None:
    answer = CliRunner().invoke(moorage, ["gateway"])

    assert answer.exit_code == 1
    assert log.read_text().startswith("the start failed: `moorage gateway` shares its store with other processes")


def test_a_wrong_setting_is_too(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_STORE_URL", "redis://there")

    CliRunner().invoke(moorage, ["gateway"])

    assert log.read_text().startswith("MOORAGE_STORE_URL is no setting: did you mean MOORAGE_STORE__URL?")


def test_outside_of_a_pod_nothing_is_written(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOORAGE_POD_NAME")

    leave_word("why")

    assert log.read_text() == ""


def test_it_is_never_made_and_no_trouble_where_it_is_missing(log: Path) -> None:
    log.unlink()

    leave_word("why")

    assert not log.exists()


def test_a_long_word_is_cut_and_replaces_the_one_before(log: Path) -> None:
    leave_word("x" * 10_000)
    assert len(log.read_bytes()) == MOST_BYTES

    leave_word("short")
    assert log.read_text() == "short"
