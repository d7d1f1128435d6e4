"""`moorage autoscaler explain`: a pool's decisions as sentences."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from moorage.cli.durations import Span
from moorage.cli.explaining import lines
from moorage.cli.report import json_option, show_json
from moorage.cli.rest import Endpoint, Rest, endpoint_options, rest
from moorage.cli.scale_watch import patiently

EVERY = 1.0
PAGE = 200
Document = dict[str, Any]


@click.command()
@click.argument("pool")
@click.option("--region", help="Needed where several regions have a pool of that name.")
@click.option("--since", type=Span(), help="Those made within this time, like 1h.")
@click.option("--limit", type=click.IntRange(1, 2000), default=5, show_default=True, help="At most so many.")
@click.option("--changes", is_flag=True, help="Only those that changed something.")
@click.option("--watch", is_flag=True, help="Go on with those to come.")
@json_option
@endpoint_options
def explain(
    endpoint: Endpoint,
    *,
    pool: str,
    region: str | None,
    since: float | None,
    limit: int,
    changes: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Show what was decided for a POOL, and why: the newest last.

    One decision a minute is kept, and each that changed something. The candidate that won is marked with *.
    """
    path, query = f"/pools/{pool}/decisions", {"region": region}
    with rest(endpoint) as api:
        found = _last(api, path, query, since, limit, only_changes=changes)
        if as_json and not watch:
            show_json(found)
            return
        if not found and not watch:
            click.echo(f"no decisions are kept for pool {pool!r}")
        for record in found:
            _show(record, as_json=as_json)
        if watch:
            _go_on(api, path, query, found, only_changes=changes, as_json=as_json)


def _last(
    api: Rest, path: str, query: Document, since: float | None, limit: int, *, only_changes: bool
) -> list[Document]:
    """Oldest first."""
    least = "" if since is None else _rfc3339(datetime.now(UTC) - timedelta(seconds=since))
    found: list[Document] = []
    for record in _newest_first(api, path, query, limit):
        if record["at"] < least or len(found) >= limit:
            break
        if record["is_change"] or not only_changes:
            found.append(record)
    return found[::-1]


def _newest_first(api: Rest, path: str, query: Document, wanted: int) -> Iterator[Document]:
    cursor: str | None = None
    while True:
        page = patiently(api, path, {**query, "limit": min(PAGE, wanted), "cursor": cursor})
        yield from page["decisions"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _go_on(api: Rest, path: str, query: Document, found: list[Document], *, only_changes: bool, as_json: bool) -> None:
    """Until interrupted."""
    last = found[-1]["at"] if found else ""
    try:
        while True:
            time.sleep(EVERY)
            fresh = patiently(api, path, {**query, "limit": PAGE})["decisions"][::-1]
            for record in fresh:
                if record["at"] > last and (record["is_change"] or not only_changes):
                    _show(record, as_json=as_json)
            last = max([last, *(record["at"] for record in fresh)])
    except KeyboardInterrupt:
        return


def _show(record: Document, *, as_json: bool) -> None:
    if as_json:
        show_json(record)
        return
    head, *rest_ = lines(record)
    click.echo(click.style(head, bold=record["is_change"]))
    for text in rest_:
        click.echo(text)


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
