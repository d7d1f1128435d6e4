"""`moorage worker`: what it serves with, and what it says when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from moorage.cli.root import moorage
from moorage.cli.worker import find, join_key


def test_a_function_is_found_in_the_working_folder() -> None:
    Path("mine.py").write_text("async def talk(session): ...\n")

    assert find("mine:talk").__name__ == "talk"


def test_an_object_with_an_async_call_is_a_function_too() -> None:
    Path("callers.py").write_text("class Talk:\n    async def __call__(self, session): ...\n\n\ntalk = Talk()\n")

    assert callable(find("callers:talk"))


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mine", "is no MODULE:FUNCTION"),
        ("nowhere.at_all:talk", "there is no module nowhere here"),
        ("moorage.examples.echo:talk", "module moorage.examples.echo has no function talk"),
        ("os:getcwd", "os:getcwd is no `async def` function"),
    ],
)
def test_a_wrong_target_is_one_sentence(target: str, sentence: str) -> None:
    answer = CliRunner().invoke(moorage, ["worker", target])

    assert answer.exit_code != 0
    assert sentence in answer.output


def test_a_module_that_lacks_something_itself_shows_its_own_error() -> None:
    Path("lacking.py").write_text("import nothing_of_this_name\n")

    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        find("lacking:talk")


def test_the_join_key_comes_from_the_data_folder() -> None:
    Path("data").mkdir()
    Path("data/join.key").write_text("jk_one\n")

    assert join_key(None, "data") == "jk_one"
    assert join_key("jk_two", "data") == "jk_two"


def test_without_a_join_key_it_says_where_one_is_looked_for() -> None:
    with pytest.raises(click.ClickException, match=r"MOORAGE_JOIN_KEY.*data/join\.key"):
        join_key(None, "data")


def test_a_join_key_of_the_environment_is_left_to_the_worker_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_JOIN_KEY_FILE", "/etc/moorage/join/gpu")

    assert join_key(None, "data") is None
    assert join_key("jk_given", "data") == "jk_given"


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = ["worker", "moorage.examples.echo:echo", "--join-key", "jk", "--port", port]
        done = subprocess.run([sys.executable, "-m", "moorage.cli", *told], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "the worker's port cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_whole_command_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a pod, where nothing is left to say but `moorage worker`."""
    monkeypatch.setenv("MOORAGE_WORKER_TARGET", "moorage.examples.echo:echo")
    monkeypatch.setenv("MOORAGE_JOIN_KEY", "jk")
    monkeypatch.setenv("MOORAGE_WORKER_SLOTS", "none")

    answer = CliRunner().invoke(moorage, ["worker"])

    assert answer.exit_code == 1
    assert "MOORAGE_WORKER_SLOTS is 'none': it must be a number" in answer.output
