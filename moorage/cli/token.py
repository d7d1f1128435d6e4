"""`moorage token`: what a session token says, without trusting it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

import click

from moorage.cli.report import json_option, show_fields

_TIMES = ("iat", "nbf", "exp", "sxp")


@click.group()
def token() -> None:
    """Look into session tokens."""


@token.command()
@click.argument("text", metavar="TOKEN")
@json_option
def inspect(text: str, *, as_json: bool) -> None:
    """Show a token's header and claims ("-" reads it from stdin). The signature is NOT verified."""
    from moorage.tokens import InvalidToken
    from moorage.tokens import inspect as read

    try:
        header, claims = read(sys.stdin.read().strip() if text == "-" else text)
    except InvalidToken as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        show_fields({"header": header, "claims": claims, "is_verified": False}, as_json=True)
        return
    show_fields({**header, **_readable(claims, time.time())}, as_json=False)


def _readable(claims: dict[str, Any], now: float) -> dict[str, Any]:
    shown = {name: _moment(value) if name in _TIMES else value for name, value in claims.items()}
    expires = claims.get("exp")
    if isinstance(expires, int | float):
        left = expires - now
        shown["connects"] = f"for another {left:.0f} s" if left > 0 else f"no more: expired {-left:.0f} s ago"
    return shown


def _moment(value: object) -> object:
    if not isinstance(value, int | float):
        return value
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return value
