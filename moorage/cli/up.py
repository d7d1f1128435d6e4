"""`moorage up`: the program that a laptop runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.config import config_option, loaded_or_exit
from moorage.cli.extras import server_extra

if TYPE_CHECKING:
    from moorage.cli.program import Program
    from moorage.cli.running import Running
    from moorage.cli.settings import Settings

OPTIONS = {
    "data": "data",
    "host": "host",
    "port": "gateway.port",
    "rest_port": "controlplane.port",
    "metrics_port": "observe.port",
    "link_port": "gateway.link_port",
    "tls": "gateway.tls.enabled",
    "tls_cert": "gateway.tls.certificate",
    "tls_key": "gateway.tls.key",
    "workers": "workers.count",
    "slots": "workers.slots",
    "target": "workers.target",
    "drain_seconds": "gateway.drain_seconds",
    "log_level": "log_level",
}
"""Option -> the setting it overrides. Its value is checked there."""


@click.command()
@config_option
@click.option(
    "--data", metavar="DIR", envvar="MOORAGE_DATA", help="Folder for keys, database and certificates.  [./data]"
)
@click.option("--host", help="Address of all listeners.  [127.0.0.1]")
@click.option("--port", type=int, help="For clients; 0 takes a free one.  [7400]")
@click.option("--rest-port", type=int, help="For REST and its documentation.  [7401]")
@click.option("--metrics-port", type=int, help="For metrics and health.  [7402]")
@click.option("--link-port", type=int, help="For workers' links.  [7403]")
@click.option(
    "--tls", is_flag=True, default=None, help="wss for clients; makes a development certificate without files."
)
@click.option("--tls-cert", metavar="FILE", help="PEM chain.")
@click.option("--tls-key", metavar="FILE", help="PEM private key.")
@click.option("--workers", type=int, help="Example worker processes; 0 starts none.  [2]")
@click.option("--target", metavar="MODULE:FUNCTION", help="What they serve with.  [moorage.examples.echo:echo]")
@click.option("--slots", type=int, help="Sessions at once for each of them.  [10]")
@click.option("--drain-seconds", type=float, help="Over which clients are told to reconnect at a stop.  [30]")
@click.option("--log-level", help="debug, info, warning or error.  [info]")
@click.option("--json", "as_json", is_flag=True, help="Say where things are as one line of JSON.")
def up(config: Path | None, *, as_json: bool, **options: Any) -> None:
    """Run gateway, scheduler, REST API and example workers in one process.

    Ctrl-C or SIGTERM drains, a second one stops at once, SIGHUP reads certificates again. All settings:
    `moorage config`.
    """
    with server_extra("up"):
        from moorage.cli.fast_loop import run_fast
        from moorage.cli.logs import set_up_logs
        from moorage.cli.program import Program  # before the loop: what is loaded by then is not collected again

        settings = loaded_or_exit({OPTIONS[name]: value for name, value in options.items()}, config).settings
        _check_ports(settings)
        set_up_logs(settings.log_level, settings.log_format)
        status = run_fast(_run(Program(settings), as_json=as_json))
    raise SystemExit(status)


async def _run(program: Program, *, as_json: bool) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.stop)
    loop.add_signal_handler(signal.SIGHUP, program.reload)
    try:
        await program.serve(lambda running, new_key: _announce(running, new_key, as_json=as_json))
    except (OSError, ValueError, RuntimeError, SQLAlchemyError) as error:
        raise click.ClickException(f"the start failed: {_first_line(error)}") from error
    return 0


def _first_line(error: Exception) -> str:
    """What a person needs of it: SQLAlchemy adds statements and links, OSError its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    return str(error).partition("\n")[0]


def _check_ports(settings: Settings) -> None:
    """Before anything is opened, so that a taken port is one sentence. Raises ClickException."""
    from moorage.cli.catalogue import FLAGS
    from moorage.cli.probes import doors, port_error
    from moorage.cli.sources import variable

    names = {flag: name for name, flag in FLAGS.items()}
    for name, host, number, option in doors(settings):
        error = port_error(host, number) if number else None
        if error is not None:
            raise click.ClickException(
                f"port {number} for {name} cannot be used on {host}: {error}. Stop what uses it "
                f"(`ss -ltnp 'sport = :{number}'`), or choose another with {option} or {variable(names[option])}."
            )


def _announce(running: Running, new_key: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(running.document()))
    else:
        for line in greeting(running, new_key):
            click.echo(line)
    sys.stdout.flush()


def greeting(running: Running, new_key: str | None) -> list[str]:
    """What a person reads once everything serves. `new_key` only at the first start."""
    key_file = f"{running.data}/admin.key"
    trust = f" --cacert {running.certificate}" if running.certificate else ""
    lines = [
        click.style("Moorage is ready.", bold=True, fg="green"),
        f"  clients   {running.node}",
        f"  REST      {running.rest}/api/v1   (documentation: {running.rest}/api/v1/docs)",
        f"  metrics   {running.observe}/metrics",
        f"  workers   {running.link}   ({len(running.workers)} example workers run)",
        f"  data      {running.data}   ({running.relay} relay)",
    ]
    if running.certificate:
        lines.append(
            f"  trust     {running.certificate}   (self-signed, for development{'; curl' + trust if trust else ''})"
        )
    if new_key:
        lines += ["", f"Admin key, shown this once and kept in {key_file}:", f"  {click.style(new_key, bold=True)}"]
    return [
        *lines,
        "",
        "Create a session, and talk to it:",
        f'  curl -s {running.rest}/api/v1/sessions -H "Authorization: Bearer $(cat {key_file})" \\',
        "       -H 'Content-Type: application/json' -d '{\"end_user_id\": \"ada\"}'",
        f"  moorage connect --data {running.data}",
        "",
    ]
