"""How `moorage up` starts: what it greets with, and what keeps it from starting."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from moorage.cli import running
from moorage.cli.root import moorage
from moorage.cli.up import greeting
from moorage.tokens import inspect
from tests.deadlines import PROGRAM
from tests.moorage.cli.fleet import PORTS, eventually, first_line, start, up
from tests.moorage.cli.test_up import command, page


def test_the_first_start_shows_the_admin_key_and_the_next_does_not(tmp_path: Path) -> None:
    arguments = ["up", "--data", str(tmp_path / "data"), "--workers", "0", "--port", "0", "--rest-port", "0"]
    arguments += ["--metrics-port", "0", "--link-port", "0"]

    first, second = (greeted(arguments, tmp_path) for _ in range(2))

    key = (tmp_path / "data/admin.key").read_text().strip()
    assert key in first
    assert "shown this once" in first
    assert key not in second
    assert "Create a session" in second


def test_a_taken_port_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        answer = CliRunner().invoke(moorage, ["up", "--port", str(port)])

    assert answer.exit_code == 1
    assert f"port {port} for clients cannot be used on 127.0.0.1: it is taken" in answer.output
    assert "--port or MOORAGE_GATEWAY__PORT" in answer.output
    assert not Path("data").exists()


def test_the_greeting_names_everything_and_the_key_only_when_it_is_new() -> None:
    here = running.Running(1, "ws://h:1", "http://h:2", "http://h:3", "ws://h:4/link", "compiled", "/data")

    said = "\n".join(greeting(here, None))

    for part in ("ws://h:1", "http://h:2/api/v1", "http://h:3/metrics", "ws://h:4/link", "/data/admin.key", "curl"):
        assert part in said
    assert "ak_new" in "\n".join(greeting(here, "ak_new"))


def greeted(arguments: list[str], folder: Path) -> str:
    """What a start says until it is ready."""
    with (folder / "log").open("w") as errors:
        process = start(arguments, folder, errors.fileno())
    assert process.stdout is not None
    said = [first_line(process)]
    while "moorage connect" not in said[-1] and said[-1]:
        said.append(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=PROGRAM)
    assert process.returncode == 0
    return "".join(said)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("MOORAGE_ADMIN_KEY", "short", "the start failed: MOORAGE_ADMIN_KEY must be"),
        ("MOORAGE_CONTROLPLANE__DATABASE_URL", "nothing://", "the start failed: "),
        ("MOORAGE_SIGNING__KEY", "/nowhere.pem", "the start failed: No such file or directory: /nowhere.pem"),
        ("MOORAGE_SIGNING__NEXT_KEYS", "a.pem,b.pem", "the start failed: signing.next_keys"),
    ],
)
def test_what_keeps_a_part_from_starting_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(setting, value)

    done = subprocess.run(
        [sys.executable, "-m", "moorage.cli", "up", "--data", str(tmp_path / "data"), "--workers", "0", *PORTS],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == done.stderr.splitlines()
    assert sentence in done.stderr


def test_tokens_are_signed_with_a_key_of_ones_own_and_known_to_everybody(tmp_path: Path) -> None:
    keys = [a_private_key(tmp_path / f"{name}.pem") for name in ("now", "soon", "before")]
    file = tmp_path / "moorage.toml"
    file.write_text(f'[signing]\nkey = "{keys[0]}"\nnext_keys = ["{keys[1]}"]\nretiring_keys = ["{keys[2]}"]\n')

    with up(tmp_path, "--workers", "1", "--config", str(file)) as fleet:
        made = command(fleet, "session", "create", "ada")
        published = json.loads(page(f"{fleet.running.rest}/.well-known/jwks.json"))["keys"]
        connect = ["connect", "--data", str(fleet.data), "--token", made["session_token"], "--quiet", "0.3"]
        heard = subprocess.run(
            [sys.executable, "-m", "moorage.cli", *connect],
            input="hello\n",
            capture_output=True,
            text=True,
            timeout=PROGRAM,
            check=False,
        )

    header, _ = inspect(made["session_token"])
    assert (header["alg"], header["kid"]) == ("Ed25519", "now")
    assert {key["kid"] for key in published} == {"now", "soon", "before"}
    assert not any("d" in key for key in published)
    assert (heard.stdout, heard.stderr) == ("hello\n", "")


def a_private_key(path: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_links_over_tls_carry_the_example_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "moorage.toml"
    file.write_text("[gateway.link_tls]\nenabled = true\n")

    with up(tmp_path, "--workers", "1", "--config", str(file)) as fleet:
        eventually(lambda: [worker["status"] for worker in command(fleet, "workers")] == ["serving"])

    assert fleet.running.link.startswith("wss://")
