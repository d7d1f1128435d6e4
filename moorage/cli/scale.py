"""`moorage scale`: an operator's wishes for a pool, which its autoscaler obeys until they expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from moorage.cli.durations import Span, shown
from moorage.cli.report import json_option, show_fields, show_json, show_table
from moorage.cli.rest import Endpoint, Rest, endpoint_options, rest
from moorage.cli.scale_watch import frozen
from moorage.cli.scale_watch import watch as follow

COLUMNS = ("id", "action", "region", "pool", "floor", "ceiling", "expires_at", "by", "reason")
SPAN = Span()
Document = dict[str, Any]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """For which pool, how long, and how that is shown."""

    pool: str
    region: str | None
    body: Document
    is_watched: bool
    timeout: float | None
    as_json: bool


@click.group()
def scale() -> None:
    """Tell a pool's autoscaler what you want: more workers, fewer, just so many, or as many as now.

    A wish holds until it expires or is released; the autoscaler never ends a session to obey it. Exit status with
    --watch: 0 reached, 1 no longer wanted, 3 timed out.
    """


def wish_options(command: Callable[..., T]) -> Callable[..., T]:
    """Gives a command the wish that these options make."""

    @click.argument("pool")
    @click.option("--region", help="Needed where several regions have a pool of that name.")
    @click.option("--ttl", type=SPAN, default="1h", show_default=True, help="How long it holds.")
    @click.option("--reason", default="", help="Shown with it, and kept in the audit log.")
    @click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
    @click.option("--watch", is_flag=True, help="Show progress until the pool is so large.")
    @click.option("--timeout", type=SPAN, help="Watch no longer than this; the wish stays.")
    @json_option
    @endpoint_options
    @wraps(command)
    def with_wish(
        endpoint: Endpoint,
        *,
        pool: str,
        region: str | None,
        ttl: float,
        reason: str,
        dry_run: bool,
        watch: bool,
        timeout: float | None,
        as_json: bool,
        **given: Any,
    ) -> T:
        body = {"reason": reason, "ttl_seconds": ttl, "dry_run": dry_run}
        wish = Wish(pool, region, body, watch and not dry_run, timeout, as_json)
        return command(endpoint, wish, **given)

    return with_wish


@scale.command()
@wish_options
@click.argument("workers", type=click.IntRange(min=1))
def up(endpoint: Endpoint, wish: Wish, *, workers: int) -> None:
    """No fewer than so many WORKERS more than now."""
    _ask(endpoint, wish, {"action": "scale_up", "delta_workers": workers})


@scale.command()
@wish_options
@click.argument("workers", type=click.IntRange(min=1))
def down(endpoint: Endpoint, wish: Wish, *, workers: int) -> None:
    """No more than so many WORKERS fewer than now. Those with sessions go when these have ended."""
    _ask(endpoint, wish, {"action": "scale_down", "delta_workers": workers})


@scale.command("set")
@wish_options
@click.argument("workers", type=click.IntRange(min=0))
def set_(endpoint: Endpoint, wish: Wish, *, workers: int) -> None:
    """Just so many WORKERS."""
    _ask(endpoint, wish, {"action": "set", "workers": workers})


@scale.command()
@wish_options
def hold(endpoint: Endpoint, wish: Wish) -> None:
    """As many as now, whatever comes."""
    _ask(endpoint, wish, {"action": "hold"})


@scale.command()
@click.argument("what", metavar="POOL|ID")
@click.option("--region", help="Needed where several regions have a pool of that name.")
@click.option("--dry-run", is_flag=True, help="Say what would be released; release nothing.")
@json_option
@endpoint_options
def release(endpoint: Endpoint, *, what: str, region: str | None, dry_run: bool, as_json: bool) -> None:
    """Forget one wish by its ID, or all of a POOL."""
    with rest(endpoint) as api:
        if what.startswith("scl_"):
            method = "GET" if dry_run else "DELETE"
            released = [api.call(method, f"/scale-requests/{what}")]
        else:
            body = {"action": "release", "region": region or region_of(api, what), "pool": what, "dry_run": dry_run}
            released = api.call("POST", "/workers/scale", body=body)["released"]
    show_table(released, COLUMNS, as_json=as_json, empty="no wishes were in force")


@scale.command("list")
@click.option("--pool", help="Only this pool's.")
@click.option("--region", help="Only this region's.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, pool: str | None, region: str | None, as_json: bool) -> None:
    """List wishes in force, newest first."""
    with rest(endpoint) as api:
        found = api.call("GET", "/scale-requests", query={"pool": pool, "region": region, "limit": 1000})
    show_table(found["scale_requests"], COLUMNS, as_json=as_json, empty="no wishes are in force")


def region_of(api: Rest, pool: str) -> str:
    """The only region with such a pool. Raises UsageError where there is none or a choice."""
    regions = [found["region"] for found in api.call("GET", "/pools")["pools"] if found["pool"] == pool]
    if len(regions) == 1:
        return str(regions[0])
    if not regions:
        raise click.UsageError(f"no pool {pool!r}: `moorage workers` lists workers with their pools")
    raise click.UsageError(f"pool {pool!r} is in {', '.join(regions)}: name one with --region")


def sentence(answer: Document) -> str:
    """What will follow, in one line."""
    seen = answer["outlook"] or {}
    said = []
    if seen.get("to_start"):
        undrained = f" ({seen['undrained']} of them drain now and serve again)" if seen["undrained"] else ""
        said.append(f"{seen['to_start']} to start{undrained}")
    if seen.get("removable_now"):
        said.append(f"{seen['removable_now']} are empty and go at once")
    if seen.get("to_drain"):
        said.append(f"{seen['to_drain']} go when their sessions have ended")
    if not said:
        return "nothing to do now"
    seconds = seen.get("estimated_seconds")
    goes, starts = seen.get("removable_now") or seen.get("to_drain"), seen.get("to_start") and seconds is None
    is_held_up = answer["pool_status"] and (goes or starts)
    held_up = frozen(answer["pool_status"]) if is_held_up else ""
    return ", ".join(said) + (f"; about {shown(seconds)}" if seconds else "") + held_up


def _ask(endpoint: Endpoint, wish: Wish, what: Document) -> None:
    with rest(endpoint) as api:
        place = {"region": wish.region or region_of(api, wish.pool), "pool": wish.pool}
        answer = api.call("POST", "/workers/scale", body=what | place | wish.body)
        if not wish.is_watched:
            _show(answer, as_json=wish.as_json)
            return
        if not wish.as_json:
            click.echo(f"{answer['scale_request']['id']}: {sentence(answer)}")
        raise SystemExit(follow(api, answer["scale_request"], timeout=wish.timeout, as_json=wish.as_json))


def _show(answer: Document, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    request, status = answer["scale_request"], answer["pool_status"] or {}
    fields = {
        **({"dry_run": True} if answer["dry_run"] else {"id": request["id"]}),
        "pool": f"{request['region']}/{request['pool']}",
        "workers": request["workers"],
        "now": f"{status.get('serving')} serving, {status.get('starting')} starting, {status.get('draining')} draining",
        "expected": sentence(answer),
        "expires_at": request["expires_at"],
        "frozen": "; ".join(status.get("frozen", [])),
    }
    show_fields(fields, as_json=False)
