"""`moorage drain`: moving load away from a worker, a gateway, a pool or a region, and watching it go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from moorage.cli.drain_watch import target as named
from moorage.cli.drain_watch import watch as follow
from moorage.cli.durations import Span
from moorage.cli.report import json_option, show_fields, show_table
from moorage.cli.rest import Endpoint, Rest, endpoint_options, rest

COLUMNS = ("id", "target", "state", "sessions_left", "sessions_told", "rate_per_second", "deadline", "reason")
SPAN = Span()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """How something is drained, and how that is shown."""

    body: dict[str, Any]
    is_watched: bool
    timeout: float | None
    as_json: bool


@click.group()
def drain() -> None:
    """Empty a worker, a gateway, a pool or a region without ending a session.

    Nothing new comes to it. Sessions may finish until the deadline; those left are then told to reconnect, at the rate,
    and go on elsewhere. Exit status with --watch: 0 done, 1 cancelled, 3 timed out.
    """


def drain_options(command: Callable[..., T]) -> Callable[..., T]:
    """Gives a command the wish that these options make."""

    @click.option("--deadline", type=SPAN, default="5m", show_default=True, help="Sessions still there then move.")
    @click.option("--rate", type=float, default=10.0, show_default=True, help="Sessions told to move each second.")
    @click.option("--reason", default="", help="Shown with the drain.")
    @click.option("--dry-run", is_flag=True, help="Say what would begin; begin nothing.")
    @click.option("--watch", is_flag=True, help="Show progress until it is over.")
    @click.option("--timeout", type=SPAN, help="Watch no longer than this; the drain goes on.")
    @json_option
    @endpoint_options
    @wraps(command)
    def with_wish(
        endpoint: Endpoint,
        *,
        deadline: float,
        rate: float,
        reason: str,
        dry_run: bool,
        watch: bool,
        timeout: float | None,
        as_json: bool,
        **given: Any,
    ) -> T:
        body = {"deadline_seconds": deadline, "rate_per_second": rate, "reason": reason, "dry_run": dry_run}
        return command(endpoint, Wish(body, watch and not dry_run, timeout, as_json), **given)

    return with_wish


@drain.command()
@click.argument("ident", metavar="ID")
@drain_options
def worker(endpoint: Endpoint, wish: Wish, *, ident: str) -> None:
    """Drain one worker."""
    _order(endpoint, wish, {"kind": "worker", "worker_id": ident})


@drain.command()
@click.argument("ident", metavar="ID")
@drain_options
def gateway(endpoint: Endpoint, wish: Wish, *, ident: str) -> None:
    """Drain one gateway: its clients go on through the others."""
    _order(endpoint, wish, {"kind": "gateway", "gateway_id": ident})


@drain.command()
@click.argument("name", metavar="POOL")
@click.option("--region", help="Needed where several regions have a pool of that name.")
@drain_options
def pool(endpoint: Endpoint, wish: Wish, *, name: str, region: str | None) -> None:
    """Drain all workers of a pool, and those that join it until the drain is cancelled."""
    with rest(endpoint) as api:
        region = region or _region_of(api, name)
    _order(endpoint, wish, {"kind": "pool", "region": region, "pool": name})


@drain.command()
@click.argument("name", metavar="REGION")
@drain_options
def region(endpoint: Endpoint, wish: Wish, *, name: str) -> None:
    """Drain all workers of a region, and those that join it until the drain is cancelled."""
    _order(endpoint, wish, {"kind": "region", "region": name})


@drain.command("list")
@click.option("--all", "is_all", is_flag=True, help="Those that are over, too.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, is_all: bool, as_json: bool) -> None:
    """List drains, newest first."""
    query = {} if is_all else {"state": ["waiting", "moving", "done"]}
    with rest(endpoint) as api:
        found = api.call("GET", "/drains", query=query)["drains"]
    rows = found if as_json else [one | {"target": named(one)} for one in found]
    show_table(rows, COLUMNS, as_json=as_json, empty="no drains")


@drain.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def status(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Show one drain."""
    with rest(endpoint) as api:
        show_fields(api.call("GET", f"/drains/{ident}"), as_json=as_json)


@drain.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def cancel(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Call a drain off, also one that is done: what it held takes sessions again; those that left stay where they are."""
    with rest(endpoint) as api:
        show_fields(api.call("DELETE", f"/drains/{ident}"), as_json=as_json)


@drain.command()
@click.argument("ident", metavar="ID")
@click.option("--timeout", type=SPAN, help="Watch no longer than this; the drain goes on.")
@json_option
@endpoint_options
def watch(endpoint: Endpoint, *, ident: str, timeout: float | None, as_json: bool) -> None:
    """Show a drain's progress until it is over. Exit status: 0 done, 1 cancelled, 3 timed out."""
    with rest(endpoint) as api:
        raise SystemExit(follow(api, ident, timeout=timeout, as_json=as_json))


def _order(endpoint: Endpoint, wish: Wish, what: dict[str, Any]) -> None:
    with rest(endpoint) as api:
        found = api.call("POST", "/drains", body=what | wish.body)
        if not wish.is_watched:
            show_fields(found, as_json=wish.as_json)
            return
        if not wish.as_json:
            click.echo(f"drain {found['id']} of {named(found)}")
        raise SystemExit(follow(api, found["id"], timeout=wish.timeout, as_json=wish.as_json))


def _region_of(api: Rest, pool: str) -> str:
    """The only region with such a pool. Raises UsageError where there is none or a choice."""
    regions = [room["region"] for room in api.call("GET", "/capacity")["pools"] if room["pool"] == pool]
    if len(regions) == 1:
        return str(regions[0])
    if not regions:
        raise click.UsageError(f"no worker of pool {pool!r}: `moorage workers` lists them")
    raise click.UsageError(f"pool {pool!r} is in {', '.join(regions)}: name one with --region")
