"""The command tree: quick to start, complete, and plain about what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from moorage.cli.extras import server_extra
from moorage.cli.root import COMMANDS, moorage
from tests.deadlines import PROGRAM


def test_help_names_every_command() -> None:
    answer = CliRunner().invoke(moorage, ["--help"])

    assert answer.exit_code == 0
    for name, (_, about) in COMMANDS.items():
        assert name in answer.output
        assert about.split()[0] in answer.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_and_explains_itself(name: str) -> None:
    answer = CliRunner().invoke(moorage, [name, "--help"])

    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("Usage: moorage")


def test_help_loads_nothing_heavy() -> None:
    heavy = "httpx pydantic sqlalchemy fastapi uvicorn uvloop rich structlog websockets joserfc prometheus_client"
    program = (
        "import sys\n"
        "from moorage.cli.root import COMMANDS, moorage\n"
        "for name in ['', *COMMANDS]:\n"
        "    try: moorage([*name.split(), '--help'], standalone_mode=False)\n"
        "    except SystemExit: pass\n"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PROGRAM, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_an_error() -> None:
    answer = CliRunner().invoke(moorage, ["upp"])

    assert answer.exit_code == 2
    assert "upp" in answer.output


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(click.ClickException) as refused, server_extra("up"):
        raise ModuleNotFoundError("No module named 'uvicorn.config'", name="uvicorn.config")

    assert refused.value.message == (
        "`moorage up` needs uvicorn, which the [server] extra brings: pip install 'moorage[server]'"
    )


def test_any_other_missing_module_is_a_bug_and_shows() -> None:
    with pytest.raises(ModuleNotFoundError), server_extra("up"):
        raise ModuleNotFoundError("No module named 'nothing'", name="nothing")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    answer = CliRunner().invoke(moorage, ["completion", shell])

    assert answer.exit_code == 0
    assert "_MOORAGE_COMPLETE" in answer.output


def test_the_first_help_does_not_even_load_asyncio() -> None:
    program = (
        "import sys\n"
        "from moorage.cli.root import moorage\n"
        "try: moorage(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print('asyncio' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PROGRAM, check=True)

    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(("given", "status"), [(["ses_x", "--url", "http://127.0.0.1:1"], 1), ([], 2)])
def test_an_error_under_json_is_json_too(given: list[str], status: int) -> None:
    answer = CliRunner().invoke(moorage, ["session", "get", *given, "--json"])

    said = json.loads(answer.stderr)
    assert answer.exit_code == status
    assert answer.stdout == ""
    assert set(said) == {"error", "code", "request_id"}
    assert said["error"]
