"""How commands answer: JSON for programs, tables and colours on a terminal, plain columns anywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

Row = Mapping[str, Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def show_json(value: object) -> None:
    """One JSON document on stdout, indented for people on a terminal."""
    click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None, default=str))


def show_fields(value: Row, *, as_json: bool) -> None:
    """One thing, a field a line. Nested values are shown as JSON; absent ones are left out."""
    if as_json:
        show_json(value)
        return
    shown = {name: cell(found) for name, found in value.items() if found not in (None, {}, [], "")}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {text}")


def show_table(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Many things; `empty` is the sentence for none."""
    if as_json:
        show_json(list(rows))
        return
    if not rows:
        click.echo(empty)
        return
    lines = [[cell(row.get(name)) for name in columns] for row in rows]
    if not (sys.stdout.isatty() and _rich_table(columns, lines)):
        _plain_table(columns, lines)


def cell(value: object) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case dict() | list():
            return json.dumps(value, separators=(",", ":"))
        case _:
            return str(value)


def pick(value: Row, *names: str) -> dict[str, Any]:
    """Some fields, in this order; absent ones are None."""
    return {name: value.get(name) for name in names}


def _plain_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    every = [list(columns), *map(list, lines)]
    widths = [max(len(line[place]) for line in every) for place in range(len(columns))]
    for line in every:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> bool:
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
    except ImportError:  # the [server] extra is not installed: plain columns say the same
        return False
    table = Table(*columns, box=SIMPLE_HEAD, header_style="bold")
    for line in lines:
        table.add_row(*line)
    Console().print(table)
    return True
