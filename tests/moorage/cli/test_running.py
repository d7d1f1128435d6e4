"""What a running Moorage leaves for other commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moorage.cli import running
from moorage.cli.rest import DEFAULT_URL, find_endpoint
from moorage.cli.running import Process, Running

HERE = Running(
    pid=1,
    node="wss://127.0.0.1:1",
    rest="http://127.0.0.1:2",
    observe="http://127.0.0.1:3",
    link="ws://127.0.0.1:4/link",
    relay="pure",
    data="/data",
    certificate="/data/tls/certificate.pem",
    workers=(Process("one", 5),),
)


def test_what_is_written_is_read_again_until_it_is_removed(tmp_path: Path) -> None:
    running.write(tmp_path, HERE)

    assert running.read(tmp_path) == HERE

    running.remove(tmp_path)

    assert running.read(tmp_path) is None


def test_a_file_of_another_version_is_nothing(tmp_path: Path) -> None:
    (tmp_path / running.FILE).write_text('{"workers": [], "more": 1}')

    assert running.read(tmp_path) is None


def test_a_folder_belongs_to_one_process_until_it_lets_go(tmp_path: Path) -> None:
    held = running.hold(tmp_path)
    running.write(tmp_path, HERE)

    with pytest.raises(running.Taken, match=r"process 1, REST at http://127\.0\.0\.1:2.*--data"):
        running.hold(tmp_path)

    os.close(held)
    os.close(running.hold(tmp_path))


def test_commands_find_address_key_and_certificate_in_the_data_folder(tmp_path: Path) -> None:
    running.write(tmp_path, HERE)
    (tmp_path / "admin.key").write_text("ak_one\n")

    found = find_endpoint(None, None, tmp_path)

    assert (found.url, found.key) == ("http://127.0.0.1:2", "ak_one")
    assert found.certificate == Path("/data/tls/certificate.pem")
    assert "ak_one" not in repr(found)


def test_what_is_given_beats_what_is_found(tmp_path: Path) -> None:
    running.write(tmp_path, HERE)

    found = find_endpoint("https://moorage.example/", "ak_two", tmp_path)

    assert (found.url, found.key) == ("https://moorage.example", "ak_two")


def test_without_anything_the_usual_address_is_tried(tmp_path: Path) -> None:
    assert find_endpoint(None, None, tmp_path).url == DEFAULT_URL
