"""`moorage database`: what it does to a schema, what it says, with which exit code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from time import monotonic

import pytest
from click.testing import CliRunner, Result

from moorage.cli.root import moorage


def run(*arguments: str) -> Result:
    return CliRunner().invoke(moorage, ["database", *arguments])


def test_a_schema_is_migrated_once_and_found_up_to_date_after(tmp_path: Path) -> None:
    first = run("migrate", "--data", str(tmp_path), "--json")
    second = run("migrate", "--data", str(tmp_path), "--json")
    found = run("status", "--data", str(tmp_path), "--json")

    assert [first.exit_code, second.exit_code, found.exit_code] == [0, 0, 0]
    assert json.loads(first.output)["migrated"]
    assert not json.loads(second.output)["migrated"]
    said = json.loads(found.output)
    assert (said["state"], said["revision"]) == ("up to date", said["wanted"])


@pytest.mark.parametrize(
    ("revision", "works_with", "code", "state"),
    [
        ("0001", "0001", 2, "to be migrated"),
        ("9999", "0006", 0, "of a newer Moorage, and this one works with it"),
        ("9999", "9998", 3, "of a newer Moorage"),
    ],
)
def test_the_exit_code_tells_an_older_schema_from_a_newer_one(
    tmp_path: Path, revision: str, works_with: str, code: int, state: str
) -> None:
    run("migrate", "--data", str(tmp_path))
    _migrated_by_another(tmp_path, revision, works_with)

    found = run("status", "--data", str(tmp_path), "--json")

    assert (found.exit_code, json.loads(found.output)["state"]) == (code, state)


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    run("migrate", "--data", str(tmp_path))
    _migrated_by_another(tmp_path, "9999", "9998")

    refused = run("migrate", "--data", str(tmp_path))

    assert refused.exit_code == 1
    assert "the database is at revision 9999, this Moorage knows revisions up to" in refused.output


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("hello", "controlplane.database_url is no URL"),
        ("mysql://a/b", "mysql is not supported, postgresql and sqlite are"),
        ("postgresql://u:secret@127.0.0.1:1/b", "nobody listens at 127.0.0.1:1/b: start the database, or correct"),
        ("postgresql://u:secret@nowhere.invalid/b", "no host 'nowhere.invalid' is known"),
        ("sqlite:////nowhere/a.db", "SQLite cannot open /nowhere/a.db: its folder is not there"),
        ("sqlite:////etc/passwd", "/etc/passwd is no SQLite database"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_without_the_password(url: str, sentence: str) -> None:
    for command in ("status", "migrate"):
        answer = run(command, "--database", url)

        assert answer.exit_code == 1
        assert sentence in answer.output
        assert "secret" not in answer.output


def test_a_database_that_is_away_is_waited_for(tmp_path: Path) -> None:
    began = monotonic()

    answer = run("migrate", "--database", "postgresql://u@127.0.0.1:1/b", "--wait", "1")

    assert answer.exit_code == 1
    assert "waiting: nobody listens at" in answer.output
    assert monotonic() - began >= 1


def test_status_makes_no_database(tmp_path: Path) -> None:
    answer = run("status", "--data", str(tmp_path))

    assert answer.exit_code == 1
    assert f"there is no database at {tmp_path}/moorage.db" in answer.output
    assert not (tmp_path / "moorage.db").exists()


def test_a_folder_that_is_not_there_is_one_sentence() -> None:
    answer = run("migrate", "--data", "/nowhere")

    assert answer.exit_code == 1
    assert "No such file or directory: /nowhere/moorage.db" in answer.output


def _migrated_by_another(folder: Path, revision: str, works_with: str) -> None:
    with sqlite3.connect(folder / "moorage.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.execute("UPDATE schema_use SET works_with = ?", (works_with,))
    connection.close()
