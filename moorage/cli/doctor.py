"""`moorage doctor`: each finding a sentence and what to do; exit code 1 where a start would fail, or an installation is broken."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.config import config_option, loaded_or_exit
from moorage.cli.extras import server_extra
from moorage.cli.report import json_option, show_json
from moorage.cli.rest import Endpoint, find_endpoint

if TYPE_CHECKING:
    from moorage.cli.findings import Finding

COLOURS = {"ok": "green", "note": "blue", "warn": "yellow", "fail": "red"}


@click.command()
@config_option
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder.")
@click.option("--kubernetes", is_flag=True, help="Look at an installation by the Helm chart instead of this machine.")
@click.option("--namespace", "-n", help="Where it is installed; else the context's.")
@click.option("--release", help="Name of the Helm release; else the only one there.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Else KUBECONFIG, the pod's own, ~/.kube/config.")
@click.option("--context", help="Of the kubeconfig; else its current one.")
@json_option
def doctor(config: Path | None, data: Path | None, *, kubernetes: bool, as_json: bool, **cluster: Any) -> None:
    """Check ports, files, clock, TLS, store, relay and what runs here, and say what to do.

    With --kubernetes: check an installation by the Helm chart. With MOORAGE_URL and MOORAGE_API_KEY its pods are compared
    with the registry.
    """
    if not kubernetes and (given := [name for name, value in cluster.items() if value]):
        raise click.UsageError(f"--{given[0]} goes with --kubernetes")
    with server_extra("doctor --kubernetes" if kubernetes else "doctor"):
        from moorage.cli.findings import exit_code

        found = _installation(**cluster) if kubernetes else _machine(config, data)
    if as_json:
        show_json([{**asdict(finding), "grade": finding.grade.value} for finding in found])
    else:
        for finding in found:
            _show(finding)
    raise SystemExit(exit_code(found))


def _machine(config: Path | None, data: Path | None) -> list[Finding]:
    from moorage.cli.probes import examine

    return list(examine(loaded_or_exit({"data": data}, config).settings))


def _installation(
    namespace: str | None, release: str | None, kubeconfig: Path | None, context: str | None
) -> list[Finding]:
    from moorage.cli.installation.looking import Place, look
    from moorage.cli.installation.whereabouts import missing_kubeconfig, namespace_of

    if (finding := missing_kubeconfig(kubeconfig)) is not None:
        return [finding]
    place = Place(namespace or namespace_of(kubeconfig, context), release)
    return look(place, kubeconfig, context, registry())


def registry() -> Endpoint | None:
    """The REST API of the installation, where the environment names it and a key."""
    url, key = os.environ.get("MOORAGE_URL"), os.environ.get("MOORAGE_API_KEY")
    return find_endpoint(url, key, Path()) if url and key else None


def _show(finding: Finding) -> None:
    grade = finding.grade.value
    click.echo(f"{click.style(grade.ljust(4), fg=COLOURS[grade])}  {finding.subject}: {finding.sentence}")
    if finding.advice:
        click.echo(f"      -> {finding.advice}")
