"""`moorage controlplane`: one process of the REST API."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.extras import server_extra
from moorage.cli.launch import check_ports, given, launch, program_options, start_of, store_option
from moorage.cli.lean import lean

if TYPE_CHECKING:
    from moorage.cli.programs.controlplane import ControlPlaneProgram

OPTIONS = {
    "data": "data",
    "host": "host",
    "rest_port": "controlplane.port",
    "metrics_port": "observe.port",
    "store": "store.url",
    "database": "controlplane.database_url",
    "log_level": "log_level",
}
"""Option -> the setting it overrides. Its value is checked there."""


@click.command()
@store_option("The fleet's store: redis://host:port, rediss:// or unix:///path.")
@click.option("--database", metavar="URL", help="postgresql://user@host/name.  [SQLite in the data folder]")
@click.option("--data", metavar="DIR", envvar="MOORAGE_DATA", help="Folder for keys, and for SQLite.  [./data]")
@click.option("--rest-port", type=int, help="For REST and its documentation; 0 takes a free one.  [7401]")
@program_options
def controlplane(config: Path | None, inherit: str | None, *, as_json: bool, **options: Any) -> None:
    """Run one control plane: keys, users, sessions and workers over REST.

    Several of them share one fleet through one store and one PostgreSQL; they need the same MOORAGE_ADMIN_KEY,
    MOORAGE_JOIN_KEY and MOORAGE_SIGNING__KEY then, since each keeps what is not given in a data folder of its own.
    The first start prints the admin key once.

    SIGTERM ends requests under way and writes what happened; SIGHUP reads the log level again. All settings:
    `moorage config`.

    \b
      moorage controlplane --store redis://10.0.0.5:6379 --database postgresql://moorage@10.0.0.6/moorage
    """
    with server_extra("controlplane"), lean():
        from moorage.cli.programs.controlplane import ControlPlaneProgram

        start = start_of(given(options, OPTIONS), config, inherit)
        if start.inherited is None:
            check_ports(start.settings, "--rest-port", "--metrics-port")
        launch(ControlPlaneProgram, start, lambda program: _announce(program, as_json=as_json))


def _announce(program: ControlPlaneProgram, *, as_json: bool) -> None:
    said = program.document()
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(click.style("This control plane is ready.", bold=True, fg="green"))
        click.echo(f"  REST      {said['rest']}/api/v1   (documentation: {said['rest']}/api/v1/docs)")
        click.echo(f"  metrics   {said['observe']}/metrics")
        if program.new_admin_key:
            click.echo(f"\nAdmin key, shown this once and kept in {said['data']}/admin.key:")
            click.echo(f"  {click.style(program.new_admin_key, bold=True)}")
    sys.stdout.flush()
