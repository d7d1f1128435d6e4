"""`moorage health`: whom it asks, what it makes of the answer, how long it waits and what it imports."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from click.testing import CliRunner, Result

from moorage.cli import health as module
from moorage.cli.health import observe_place, worker_place
from moorage.cli.root import moorage
from tests.deadlines import SOON


def run(*arguments: str) -> Result:
    return CliRunner().invoke(moorage, ["health", *arguments])


@contextmanager
def answering(*parts: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this to one question and closes, or with nothing to say keeps silent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SOON)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(SOON)
                heard.append(connection.recv(65536))
                for part in parts:
                    connection.sendall(part)
                if not parts:
                    connection.recv(1)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join(SOON)


@pytest.mark.parametrize(
    ("arguments", "path"), [((), b"/livez"), (("--ready",), b"/readyz"), (("worker", "--ready"), b"/readyz")]
)
def test_a_good_answer_is_its_line_and_exit_code_0(arguments: tuple[str, ...], path: bytes) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", b'{"status":"ok"}') as (port, heard):
        answer = run(*arguments, "--port", str(port))

    assert (answer.exit_code, answer.output) == (0, '{"status":"ok"}\n')
    assert heard[0].startswith(b"GET " + path + b" ")


def test_not_ready_is_exit_code_1_with_the_parts() -> None:
    with answering(b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"status":"not ready","parts":{"keys":false}}') as (
        port,
        _,
    ):
        answer = run("gateway", "--ready", "--port", str(port))

    assert answer.exit_code == 1
    assert answer.output == f'Error: 127.0.0.1:{port} answers 503: {{"status":"not ready","parts":{{"keys":false}}}}\n'


def test_nobody_there_is_exit_code_1() -> None:
    answer = run("--port", "1")

    assert (answer.exit_code, answer.output) == (1, "Error: 127.0.0.1:1 does not answer: Connection refused\n")


def test_silence_is_not_waited_for_longer_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.2)
    with answering() as (port, _):
        began = monotonic()
        answer = run("--port", str(port))
        waited = monotonic() - began

    assert (answer.exit_code, answer.output) == (1, f"Error: 127.0.0.1:{port} does not answer: no answer in time\n")
    assert waited < SOON


def test_something_else_on_the_port_is_said() -> None:
    with answering(b"-ERR unknown command\r\n") as (port, _):
        assert "does not speak HTTP" in run("--port", str(port)).output


@pytest.mark.parametrize(
    ("environment", "file", "place"),
    [
        ({}, {}, ("127.0.0.1", 7402)),
        ({"MOORAGE_HOST": "0.0.0.0"}, {}, ("127.0.0.1", 7402)),
        ({}, {"host": "10.0.0.1", "observe": {"port": 9000}}, ("10.0.0.1", 9000)),
        ({"MOORAGE_OBSERVE__PORT": "9001"}, {"observe": {"port": 9000, "host": "10.0.0.2"}}, ("10.0.0.2", 9001)),
        ({"MOORAGE_OBSERVE__HOST": "::"}, {"host": "10.0.0.1"}, ("127.0.0.1", 7402)),
    ],
)
def test_it_asks_where_the_settings_in_force_say(
    environment: dict[str, str], file: dict[str, object], place: tuple[str, int]
) -> None:
    assert observe_place(environment, file) == place


def test_a_settings_file_is_read(tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\nok") as (port, _):
        file = tmp_path / "settings.toml"
        file.write_text(f"[observe]\nport = {port}\n")
        assert run("--config", str(file)).exit_code == 0


def test_a_worker_is_asked_at_its_own_port() -> None:
    assert worker_place({}) == ("127.0.0.1", 7410)
    assert worker_place({"MOORAGE_WORKER_PORT": "7500", "MOORAGE_WORKER_HOST": "10.0.0.3"}) == ("10.0.0.3", 7500)
    assert worker_place({"MOORAGE_WORKER_PORT": "tcp://10.0.0.1:80"}) == ("127.0.0.1", 7410)


def test_it_imports_nothing_that_takes_time() -> None:
    """It runs every few seconds beside the program it asks."""
    asked = "import moorage.cli.health, moorage.cli.root, sys; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()

    heavy = {"asyncio", "pydantic", "sqlalchemy", "structlog", "fastapi", "uvicorn", "websockets", "ssl", "http.client"}
    assert not heavy.intersection(loaded)
