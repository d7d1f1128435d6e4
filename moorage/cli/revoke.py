"""`moorage revoke`: everything of a session, user, API key or workspace ends now."""

from __future__ import annotations

from typing import Any

import click

from moorage.cli.report import json_option, show_fields, show_json, show_table
from moorage.cli.rest import Endpoint, endpoint_options, rest

LIST_COLUMNS = ("id", "kind", "target_id", "reason", "status", "created_at", "until")
_ABOUT = {
    "session": "End a session, and refuse every token it has.",
    "user": "End every session of a user (usr_…); tokens made from now on are good.",
    "key": "Revoke an API key, and end the sessions made with it.",
    "workspace": "End every session of a workspace; its keys may create new ones.",
}


@click.group()
def revoke() -> None:
    """End sessions at once and keep their tokens out.

    Sockets close within a second, on every gateway. While the store is away the answer is "pending", and it takes effect
    within a second of its return.
    """


def _command(kind: str, about: str) -> click.Command:
    @click.argument("ident", metavar="ID")
    @click.option("--reason", default="", help="Kept, and shown as the reason of each session's end.")
    @json_option
    @endpoint_options
    def run(endpoint: Endpoint, *, ident: str, reason: str, as_json: bool) -> None:
        body = {"kind": kind, "id": ident, **({"reason": reason} if reason else {})}
        with rest(endpoint) as api:
            revoked = api.call("POST", "/revocations", body=body)
        show_fields(revoked, as_json=as_json)

    return click.command(kind, help=about)(run)


for _kind, _about in _ABOUT.items():
    revoke.add_command(_command(_kind, _about))


@revoke.command("list")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@click.option("--cursor", help="Where the last page ended.")
@json_option
@endpoint_options
def list_(endpoint: Endpoint, *, as_json: bool, **query: Any) -> None:
    """List revocations, newest first."""
    with rest(endpoint) as api:
        page = api.call("GET", "/revocations", query=query)
    if as_json:
        show_json(page)
        return
    show_table(page["revocations"], LIST_COLUMNS, as_json=False, empty="nothing was revoked")
    if page.get("next_cursor"):
        click.echo(f"more: --cursor {page['next_cursor']}")
