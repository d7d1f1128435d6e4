"""`moorage gateway`: one gateway process of many."""

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
    from moorage.cli.programs.gateway import GatewayProgram

OPTIONS = {
    "host": "host",
    "port": "gateway.port",
    "link_port": "gateway.link_port",
    "metrics_port": "observe.port",
    "node": "gateway.node",
    "store": "store.url",
    "tls_cert": "gateway.tls.certificate",
    "tls_key": "gateway.tls.key",
    "drain_seconds": "gateway.drain_seconds",
    "log_level": "log_level",
}
"""Option -> the setting it overrides. Its value is checked there."""


@click.command()
@store_option("The fleet's store: redis://host:port, rediss:// or unix:///path.")
@click.option("--port", type=int, help="For clients; 0 takes a free one.  [7400]")
@click.option("--link-port", type=int, help="For workers' links.  [7403]")
@click.option("--node", metavar="URL", help="ws:// or wss:// address that clients of this gateway are told.")
@click.option("--tls-cert", metavar="FILE", help="PEM chain; turns wss on.")
@click.option("--tls-key", metavar="FILE", help="PEM private key.")
@click.option("--drain-seconds", type=float, help="Over which clients are told to reconnect at a stop.  [30]")
@program_options
def gateway(config: Path | None, inherit: str | None, *, as_json: bool, **options: Any) -> None:
    """Run one gateway: clients' WebSockets and workers' links.

    Any number of them share a fleet through one store; it keeps nothing itself. It is ready once it has reached the
    store and a control plane has put the token keys there. Live sessions outlast an outage of the store.

    SIGTERM drains: clients are told to come back over --drain-seconds and resume at another gateway. A second one stops
    at once. SIGHUP reads certificates, limits and the log level again. All settings: `moorage config`.

    \b
      moorage gateway --store redis://10.0.0.5:6379 --node wss://eu-1.example.com --tls-cert c.pem --tls-key k.pem
    """
    with server_extra("gateway"), lean():
        from moorage.cli.programs.gateway import GatewayProgram

        start = start_of(given(options, OPTIONS), config, inherit)
        if start.inherited is None:
            check_ports(start.settings, "--port", "--link-port", "--metrics-port")
        launch(GatewayProgram, start, lambda program: _announce(program, as_json=as_json))


def _announce(program: GatewayProgram, *, as_json: bool) -> None:
    said = program.document()
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(click.style("This gateway is ready.", bold=True, fg="green"))
        for name, part in (("clients", "node"), ("workers", "link"), ("metrics", "observe")):
            click.echo(f"  {name}   {said[part]}{'/metrics' if part == 'observe' else ''}")
    sys.stdout.flush()
