"""`moorage autoscaler run`: one autoscaler of many over a shared store; one of them leads."""

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
    from moorage.cli.programs.autoscaler import AutoscalerProgram

OPTIONS = {
    "host": "host",
    "metrics_port": "observe.port",
    "store": "store.url",
    "policy": "autoscaler.policy",
    "kubeconfig": "autoscaler.kubeconfig",
    "log_level": "log_level",
}
"""Option -> the setting it overrides. Its value is checked there."""


@click.command()
@store_option("The fleet's store: redis://host:port, rediss:// or unix:///path.")
@click.option("--policy", metavar="FILE", help="TOML file of the pools' policies.")
@click.option("--kubeconfig", metavar="FILE", help="Credentials for Kubernetes.  [those of the pod it runs in]")
@program_options
def run(config: Path | None, inherit: str | None, *, as_json: bool, **options: Any) -> None:
    """Keep the pools of a policy file at the right size.

    Several of them may run over one store: for each pool one leads, and another takes over when it is gone.

    SIGTERM gives the leadership back at once and changes nothing. SIGHUP reads the policies again; a wrong file leaves the
    old ones in force. All settings: `moorage config`.

    \b
      moorage autoscaler --store redis://10.0.0.5:6379 --policy pools.toml
    """
    with server_extra("autoscaler"), lean():
        from moorage.cli.programs.autoscaler import AutoscalerProgram

        start = start_of(given(options, OPTIONS), config, inherit)
        check_ports(start.settings, "--metrics-port")
        launch(AutoscalerProgram, start, lambda program: _announce(program, as_json=as_json))


def _announce(program: AutoscalerProgram, *, as_json: bool) -> None:
    said = program.document()
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(click.style("This autoscaler is ready.", bold=True, fg="green"))
        click.echo(f"  pools     {', '.join(said['pools'])}")
        click.echo(f"  metrics   {said['observe']}/metrics")
    sys.stdout.flush()
