"""`moorage health`: one question to the program of this container, for HEALTHCHECK and for probes that run a command.

Started every few seconds beside the program it asks, so it imports no settings: it knows the few that say where to ask.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import click

from moorage.cli.addresses import reachable

WITHIN = 3.0
OBSERVE_PORT, WORKER_PORT = 7402, 7410
MAX_ANSWER_BYTES = 65536
PROGRAMS = ("gateway", "controlplane", "autoscaler", "worker")


@click.command()
@click.argument("program", type=click.Choice(PROGRAMS), required=False)
@click.option("--ready", is_flag=True, help="Ask whether clients should come, not whether it lives.")
@click.option("--port", type=int, help="Where it answers, if not where the settings say.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), envvar="MOORAGE_CONFIG", help="TOML file.")
def health(program: str | None, config: Path | None, port: int | None, *, ready: bool) -> None:
    """Ask the program on this machine whether it lives, or with --ready whether it is ready. Exit code 0 or 1, one line.

    Without PROGRAM: gateway, control plane, autoscaler or `moorage up`, which all answer at the port of metrics.
    """
    host, found = worker_place(os.environ) if program == "worker" else observe_place(os.environ, _file(config))
    status, body = ask(host, port or found, "/readyz" if ready else "/livez")
    if status != 200:
        raise click.ClickException(f"{host}:{port or found} answers {status}: {body}")
    click.echo(body)


def observe_place(environment: Mapping[str, str], file: Mapping[str, Any]) -> tuple[str, int]:
    """Host and port of metrics and health, as moorage/cli/sources.py finds them."""
    table = file.get("observe", {})
    host = (
        environment.get("MOORAGE_OBSERVE__HOST")
        or table.get("host")
        or environment.get("MOORAGE_HOST")
        or file.get("host")
    )
    return reachable(str(host or "")), _number(
        environment.get("MOORAGE_OBSERVE__PORT") or table.get("port"), OBSERVE_PORT
    )


def worker_place(environment: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of a worker in a pod."""
    host = environment.get("MOORAGE_WORKER_HOST") or ""
    return reachable(host), _number(environment.get("MOORAGE_WORKER_PORT"), WORKER_PORT)


def ask(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and the first line of what it said. Raises ClickException where nobody answers in time."""
    until = monotonic() + WITHIN
    try:
        with socket.create_connection((host, port), WITHIN) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = _all_of(connection, until)
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise click.ClickException(f"{host}:{port} does not answer: {why}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[9:12]
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        raise click.ClickException(f"{host}:{port} does not speak HTTP")
    return int(status), body.decode(errors="replace").strip().partition("\n")[0]


def _all_of(connection: socket.socket, until: float) -> bytes:
    said = b""
    while len(said) < MAX_ANSWER_BYTES:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        more = connection.recv(65536)
        if not more:
            break
        said += more
    return said


def _file(config: Path | None) -> dict[str, Any]:
    """Whatever is wrong with it is the program's to say."""
    path = config or Path("moorage.toml")
    if not path.exists():
        return {}
    import tomllib

    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _number(said: object, default: int) -> int:
    try:
        return int(str(said)) if said else default
    except ValueError:
        return default
