"""`moorage session`: sessions over REST."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from moorage.cli.report import json_option, show_fields, show_json, show_table
from moorage.cli.rest import Endpoint, endpoint_options, rest

LIST_COLUMNS = ("id", "status", "end_user_id", "region", "pool", "worker_id", "created_at")


@click.group()
def session() -> None:
    """Create, read, list and end sessions."""


@session.command()
@click.argument("user", metavar="END_USER")
@click.option("--quality", help="standard, high or premium.")
@click.option("--feature", "features", multiple=True, help="A feature the session needs; may be repeated.")
@click.option("--region", help="Region that must serve it.")
@click.option("--pool", help="Pool that must serve it.")
@click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Label its worker must have; may be repeated."
)
@click.option("--ttl", type=float, metavar="SECONDS", help="Longest life.")
@click.option("--metadata", metavar="JSON", help="Passed on to the worker.")
@json_option
@endpoint_options
def create(endpoint: Endpoint, *, user: str, as_json: bool, **wish: Any) -> None:
    """Create a session for END_USER and print its token and where to connect."""
    body = {"end_user_id": user, **asked(wish)}
    with rest(endpoint) as api:
        made = api.call("POST", "/sessions", body=body)
    show_fields(made, as_json=as_json)


@session.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def get(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Show one session."""
    with rest(endpoint) as api:
        found = api.call("GET", f"/sessions/{ident}")
    show_fields(found, as_json=as_json)


@session.command("list")
@click.option("--user", help="Only of this end user.")
@click.option("--status", help="PENDING, ACTIVE, COMPLETED, FAILED or EXPIRED.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@click.option("--cursor", help="Where the last page ended.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, user: str | None, as_json: bool, **query: Any) -> None:
    """List sessions, newest first."""
    with rest(endpoint) as api:
        page = api.call("GET", "/sessions", query={"end_user_id": user, **query})
    if as_json:
        show_json(page)
        return
    show_table(page["sessions"], LIST_COLUMNS, as_json=False, empty="no sessions")
    if page.get("next_cursor"):
        click.echo(f"more: --cursor {page['next_cursor']}")


@session.command()
@click.argument("ident", metavar="ID")
@click.option("--reason", default="", help="Kept with the session.")
@json_option
@endpoint_options
def end(endpoint: Endpoint, *, ident: str, reason: str, as_json: bool) -> None:
    """End a session now; its client is told SESSION_ENDED."""
    with rest(endpoint) as api:
        ended = api.call("POST", f"/sessions/{ident}/terminate", body={"reason": reason} if reason else {})
    show_fields(ended or {"id": ident}, as_json=as_json)


def asked(wish: dict[str, Any]) -> dict[str, Any]:
    """The fields of a wish that were given, in the API's form."""
    body: dict[str, Any] = {name: value for name, value in wish.items() if value not in (None, ())}
    if "labels" in body:
        body["labels"] = dict(pairs(body["labels"], "--label"))
    if "features" in body:
        body["features"] = list(body["features"])
    if "metadata" in body:
        body["metadata"] = _object(body["metadata"])
    return body


def pairs(texts: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    """NAME=VALUE texts taken apart. Raises click.BadParameter."""
    for text in texts:
        name, is_pair, value = text.partition("=")
        if not is_pair:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE", param_hint=option)
        yield name, value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"this is no JSON: {error}", param_hint="--metadata") from error
    if not isinstance(value, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--metadata")
    return value
