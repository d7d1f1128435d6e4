"""`moorage doctor`: each finding a sentence and what to do; exit code 1 where a start would fail."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moorage.cli.config import config_option, loaded_or_exit
from moorage.cli.extras import server_extra
from moorage.cli.report import json_option, show_json

if TYPE_CHECKING:
    from moorage.cli.findings import Finding

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@config_option
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder.")
@json_option
def doctor(config: Path | None, data: Path | None, *, as_json: bool) -> None:
    """Check ports, files, clock, TLS, store, relay and what runs here, and say what to do."""
    with server_extra("doctor"):
        from moorage.cli.findings import exit_code
        from moorage.cli.probes import examine

        found = list(examine(loaded_or_exit({"data": data}, config).settings))
    if as_json:
        show_json([{**asdict(finding), "grade": finding.grade.value} for finding in found])
    else:
        for finding in found:
            _show(finding)
    raise SystemExit(exit_code(found))


def _show(finding: Finding) -> None:
    grade = finding.grade.value
    click.echo(f"{click.style(grade.ljust(4), fg=COLOURS[grade])}  {finding.subject}: {finding.sentence}")
    if finding.advice:
        click.echo(f"      -> {finding.advice}")
