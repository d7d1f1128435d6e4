"""`moorage workers`: the fleet over REST."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from moorage.cli.report import json_option, show_fields, show_json, show_table
from moorage.cli.rest import Endpoint, Problem, Rest, endpoint_options, rest

COLUMNS = ("id", "name", "status", "region", "pool", "slots", "used", "address")
WATCH_EVERY = 0.5


class ListByDefault(click.Group):
    """`moorage workers --json` is `moorage workers list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_about_the_group = args[:1] in (["-h"], ["--help"])
        if not is_about_the_group and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListByDefault)
def workers() -> None:
    """List, cordon and drain workers; without a command: list."""


@workers.command("list")
@click.option("--region", help="Only of this region.")
@click.option("--pool", help="Only of this pool.")
@click.option("--status", help="starting, serving, suspect, cordoned, draining, retired or lost.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, as_json: bool, **query: Any) -> None:
    """List workers."""
    with rest(endpoint) as api:
        page = api.call("GET", "/workers", query=query)
    show_table(
        page["workers"], COLUMNS, as_json=as_json, empty="no workers: `moorage worker MODULE:FUNCTION` starts one"
    )


@workers.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def get(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Show one worker."""
    with rest(endpoint) as api:
        show_fields(api.call("GET", f"/workers/{ident}"), as_json=as_json)


@workers.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def cordon(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """No new sessions for this worker; those it has go on."""
    _order(endpoint, ident, "cordon", as_json=as_json)


@workers.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def uncordon(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """New sessions again."""
    _order(endpoint, ident, "uncordon", as_json=as_json)


@workers.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def undrain(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Stop a drain; sessions still there stay."""
    _order(endpoint, ident, "undrain", as_json=as_json)


@workers.command()
@click.argument("ident", metavar="ID")
@click.option("--deadline", type=float, metavar="SECONDS", help="Sessions still there then are moved away.")
@click.option("--rate", type=float, metavar="PER_SECOND", help="How fast they are moved.")
@click.option("--watch", is_flag=True, help="Show progress until it is empty.")
@json_option
@endpoint_options
def drain(
    endpoint: Endpoint, *, ident: str, deadline: float | None, rate: float | None, watch: bool, as_json: bool
) -> None:
    """Cordon a worker and empty it: sessions finish, or move to another one at the deadline."""
    wish = {"deadline_seconds": deadline, "rate_per_second": rate}
    with rest(endpoint) as api:
        found = api.call(
            "POST", f"/workers/{ident}/drain", body={name: value for name, value in wish.items() if value is not None}
        )
        if watch:
            _watch(api, ident, as_json=as_json)
        else:
            show_fields(found, as_json=as_json)


def _order(endpoint: Endpoint, ident: str, order: str, *, as_json: bool) -> None:
    with rest(endpoint) as api:
        show_fields(api.call("POST", f"/workers/{ident}/{order}"), as_json=as_json)


def _watch(api: Rest, ident: str, *, as_json: bool) -> None:
    """Until the worker is empty or gone. One line in place on a terminal, a line a change elsewhere."""
    shown = ""
    while True:
        try:
            worker = api.call("GET", f"/workers/{ident}")
        except Problem as gone:
            if gone.code != "WORKER_NOT_FOUND":
                raise
            worker = {"id": ident, "status": "gone", "used": 0}
        line = _progress(worker)
        if as_json:
            show_json(worker)
        elif line != shown:
            click.echo(f"\r\x1b[K{line}" if sys.stdout.isatty() else line, nl=not sys.stdout.isatty())
        shown = line
        if not worker["used"] or worker["status"] != "draining":
            click.echo("" if sys.stdout.isatty() and not as_json else None, nl=sys.stdout.isatty() and not as_json)
            return
        time.sleep(WATCH_EVERY)


def _progress(worker: dict[str, Any]) -> str:
    drain = worker.get("drain") or {}
    started = drain.get("sessions_at_start") or worker["used"]
    left = worker["used"]
    bar = "#" * round(20 * (1 - left / started)) if started else "#" * 20
    return f"{worker['status']} [{bar:<20}] {left} of {started} sessions left, {drain.get('sessions_moved', 0)} moved"
