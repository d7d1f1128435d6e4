"""Watching a pool on its way to what was asked: a line a change."""

from __future__ import annotations

import time
from typing import Any

import click

from moorage.cli.report import show_json
from moorage.cli.rest import Problem, Rest

EVERY = 0.5
PATIENCE = 30.0  # an API that restarts is waited for
REACHED, GONE, TIMED_OUT = 0, 1, 3
Document = dict[str, Any]


def watch(api: Rest, request: Document, *, timeout: float | None, as_json: bool) -> int:
    """Until the pool is as large as asked: the exit status. Interrupted, the wish stays. Raises what `Rest.call` raises."""
    ends_at = None if timeout is None else time.monotonic() + timeout
    try:
        status = _follow(api, request, ends_at, as_json=as_json)
    except KeyboardInterrupt:
        status = 130
    if status in (TIMED_OUT, 130):
        click.echo(f"the wish stays in force; `moorage scale release {request['id']}` ends it", err=True)
    if status == GONE:
        click.echo("the wish is no longer in force", err=True)
    return status


def is_reached(request: Document, status: Document) -> bool:
    """No fewer serve than its floor; no more are there than its ceiling."""
    has_floor = request["floor"] is None or status["serving"] >= request["floor"]
    here = status["serving"] + status["starting"] + status["draining"]
    return has_floor and (request["ceiling"] is None or here <= request["ceiling"])


def line(request: Document, status: Document | None) -> str:
    """How far it is, in one line."""
    place = f"{request['region']}/{request['pool']}"
    if status is None or not status["is_fresh"]:
        return f"{place}: its autoscaler is silent"
    counts = f"{status['serving']} of {request['workers']} serving, {status['starting']} starting"
    return f"{place}: {counts}, {status['draining']} draining{frozen(status)}"


def frozen(status: Document) -> str:
    """By what, in one word each: the details change with every look."""
    names = [text.partition(":")[0] for text in status["frozen"]]
    return f"; frozen: {', '.join(names)}" if names else ""


def _follow(api: Rest, request: Document, ends_at: float | None, *, as_json: bool) -> int:
    before = ""
    while True:
        status = _status(api, request)
        if (text := line(request, status)) != before:
            before = text
            show_json(status) if as_json else click.echo(text)
        if status is not None and status["is_fresh"] and is_reached(request, status):
            return REACHED
        if not _is_in_force(api, request):
            return GONE
        if ends_at is not None and time.monotonic() >= ends_at:
            return TIMED_OUT
        time.sleep(EVERY)


def _status(api: Rest, request: Document) -> Document | None:
    place = (request["region"], request["pool"])
    pools = patiently(api, "/pools")["pools"]
    return next((pool["status"] for pool in pools if (pool["region"], pool["pool"]) == place), None)


def _is_in_force(api: Rest, request: Document) -> bool:
    try:
        patiently(api, f"/scale-requests/{request['id']}")
    except Problem as error:
        if error.code != "NOT_FOUND":
            raise
        return False
    return True


def patiently(api: Rest, path: str, query: dict[str, Any] | None = None) -> Any:
    """GET, again and again while nobody answers. Raises a refusal at once, anything else after a while."""
    gives_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return api.call("GET", path, query=query)
        except click.ClickException as error:
            is_refused = isinstance(error, Problem) and not error.said.get("retryable")
            if is_refused or time.monotonic() >= gives_up_at:
                raise
            time.sleep(EVERY)
