"""`moorage keys`: API keys over REST."""

from __future__ import annotations

from typing import Any

import click

from moorage.cli.durations import Span
from moorage.cli.report import json_option, show_fields, show_json, show_table
from moorage.cli.rest import Endpoint, endpoint_options, rest

LIST_COLUMNS = ("id", "name", "hint", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="What it may do, sessions:write say; may be repeated."
)
@click.option("--ttl", type=Span(), metavar="TIME", help="It expires after so long, 30d say.  [never]")
@click.option("--sessions", "sessions_per_key", type=int, help="Live sessions at once; 0 is no limit.")
@click.option("--per-minute", "requests_per_minute", type=int, help="Requests a minute; 0 is no limit.")
@click.option("--per-hour", "requests_per_hour", type=int, help="Requests an hour; 0 is no limit.")
@json_option
@endpoint_options
def create(endpoint: Endpoint, *, as_json: bool, scopes: tuple[str, ...], **wish: Any) -> None:
    """Create an API key called NAME and print it, this once."""
    body = {"scopes": list(scopes), **{name: value for name, value in wish.items() if value is not None}}
    with rest(endpoint) as api:
        made = api.call("POST", "/keys", body=body)
    show_fields(made, as_json=as_json)


@keys.command("list")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@click.option("--cursor", help="Where the last page ended.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, as_json: bool, **query: Any) -> None:
    """List API keys, newest first, revoked ones too."""
    with rest(endpoint) as api:
        page = api.call("GET", "/keys", query=query)
    if as_json:
        show_json(page)
        return
    show_table(page["keys"], LIST_COLUMNS, as_json=False, empty="no API keys")
    if page.get("next_cursor"):
        click.echo(f"more: --cursor {page['next_cursor']}")


@keys.command()
@click.argument("ident", metavar="ID")
@json_option
@endpoint_options
def revoke(endpoint: Endpoint, *, ident: str, as_json: bool) -> None:
    """Revoke an API key at once, and end the sessions made with it."""
    with rest(endpoint) as api:
        revoked = api.call("DELETE", f"/keys/{ident}")
    show_fields(revoked, as_json=as_json)
