"""`moorage autoscaler check`: whether a file of policies can be used, and what it comes to."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.extras import server_extra
from moorage.cli.report import json_option, show_json

if TYPE_CHECKING:
    from autoscaler.policy import PoolPolicy


@click.command()
@click.argument("policy", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def check(policy: Path, *, as_json: bool) -> None:
    """Check the pools of a POLICY file, and print every value in force.

    A wrong one is named with what it was and what it may be, and the exit status is 1. Nothing is asked and nothing changed.
    """
    with server_extra("autoscaler check"):
        from moorage.cli.pool_policies import read_policies
        from moorage.cli.sources import WrongSetting

        try:
            pools = read_policies(policy)
        except WrongSetting as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        show_json([_document(pool) for pool in pools])
        return
    for pool in pools:
        click.secho(f"{pool.region}/{pool.pool}", bold=True)
        for line in _lines(pool):
            click.echo(f"  {line}")
    click.echo(f"{len(pools)} pool{'' if len(pools) == 1 else 's'}, all of them can be used.")


def _document(pool: PoolPolicy) -> dict[str, Any]:
    said = asdict(pool)
    kind = type(pool.target).__name__.removesuffix("Target").lower()
    said["target"] = {"kind": kind, **{name: _plain(value) for name, value in said["target"].items() if name != "kind"}}
    if kind == "kubernetes":
        said["target"]["resource"] = asdict(pool.target)["kind"]
    said["labels"] = dict(sorted(pool.labels))
    return said


def _plain(value: object) -> object:
    return getattr(value, "value", value)


def _lines(pool: PoolPolicy) -> list[str]:
    said = _document(pool)
    width = max(len(field.name) for field in fields(pool))
    rows = []
    for name, value in said.items():
        if name in ("region", "pool"):
            continue
        values = value if isinstance(value, list | tuple) and value and isinstance(value[0], dict) else [value]
        rows += [f"{name.ljust(width)}  {_text(each)}" for each in values]
    return rows


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_text(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "yes" if value is True else "no" if value is False else str(value)
