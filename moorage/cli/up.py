"""`moorage up`: the program that a laptop runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.extras import server_extra
from moorage.cli.launch import check_ports, given, launch, program_options, start_of, store_option

if TYPE_CHECKING:
    from moorage.cli.programs.parent import ParentProgram
    from moorage.cli.programs.up import UpProgram
    from moorage.cli.running import Running

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
    "min_workers": "workers.minimum",
    "max_workers": "workers.maximum",
    "shrink_after": "workers.shrink_after_seconds",
    "slots": "workers.slots",
    "target": "workers.target",
    "drain_seconds": "gateway.drain_seconds",
    "store": "store.url",
    "database": "controlplane.database_url",
    "gateways": "up.gateways",
    "log_level": "log_level",
}
"""Option -> the setting it overrides. Its value is checked there."""


@click.command()
@click.option(
    "--data", metavar="DIR", envvar="MOORAGE_DATA", help="Folder for keys, database and certificates.  [./data]"
)
@click.option("--port", type=int, help="For clients; 0 takes a free one.  [7400]")
@click.option("--rest-port", type=int, help="For REST and its documentation.  [7401]")
@click.option("--link-port", type=int, help="For workers' links.  [7403]")
@click.option(
    "--tls", is_flag=True, default=None, help="wss for clients; makes a development certificate without files."
)
@click.option("--tls-cert", metavar="FILE", help="PEM chain.")
@click.option("--tls-key", metavar="FILE", help="PEM private key.")
@click.option("--workers", type=int, help="Example worker processes, always so many; 0 starts none.  [2]")
@click.option("--min-workers", type=int, help="Fewest of them: as many run as sessions need.  [--workers]")
@click.option("--max-workers", type=int, help="Most of them.  [--workers]")
@click.option("--shrink-after", type=float, metavar="SECONDS", help="One not needed for so long goes.  [60]")
@click.option("--target", metavar="MODULE:FUNCTION", help="What they serve with.  [moorage.examples.echo:echo]")
@click.option("--slots", type=int, help="Sessions at once for each of them.  [10]")
@click.option("--drain-seconds", type=float, help="Over which clients are told to reconnect at a stop.  [30]")
@click.option("--database", metavar="URL", help="postgresql://user@host/name.  [SQLite in the data folder]")
@click.option("--gateways", type=int, help="Gateway processes behind one port; 0 runs all in one process.  [0]")
@store_option(
    "redis://host:port, rediss:// or unix:///path; without one, memory, or with --gateways a server of its own."
)
@program_options
def up(config: Path | None, inherit: str | None, *, as_json: bool, **options: Any) -> None:
    """Run gateway, scheduler, REST API and example workers on this machine.

    They are one process, or with --gateways N many: N gateways behind one port, a control plane and, unless a --store
    is named, a Valkey server whose data is under --data. Sessions then outlive the loss of any of them.

    Ctrl-C or SIGTERM drains, a second one stops at once. SIGHUP reads certificates, limits and the log level again.
    SIGUSR2 replaces the gateways one after the other without ending a session. All settings: `moorage config`.
    """
    with server_extra("up"):
        start = start_of(given(options, OPTIONS), config)
        check_ports(start.settings, "--port", "--rest-port", "--metrics-port", "--link-port")
        if start.settings.up.gateways:
            from moorage.cli.programs.parent import ParentProgram

            launch(ParentProgram, start, lambda program: _announce(program, as_json=as_json))
        else:
            from moorage.cli.programs.up import UpProgram

            launch(UpProgram, start, lambda program: _announce(program, as_json=as_json))


def _announce(program: UpProgram | ParentProgram, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(program.running().document()))
    else:
        for line in greeting(program.running(), program.new_admin_key, program.most_workers):
            click.echo(line)
    sys.stdout.flush()


def greeting(running: Running, new_key: str | None, most: int = 0) -> list[str]:
    """What a person reads once everything serves. `new_key` only at the first start, `most`: workers that there may be."""
    room = f", up to {most} as sessions come" if most > len(running.workers) else ""
    key_file = f"{running.data}/admin.key"
    trust = f" --cacert {running.certificate}" if running.certificate else ""
    lines = [
        click.style("Moorage is ready.", bold=True, fg="green"),
        f"  clients   {running.node}",
        f"  REST      {running.rest}/api/v1   (documentation: {running.rest}/api/v1/docs)",
        f"  metrics   {running.observe}/metrics",
        f"  workers   {running.link}   ({len(running.workers)} example workers run{room})",
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
