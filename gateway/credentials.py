"""Where a session token may come, and the request without it: nothing behind this module ever sees the token."""

from __future__ import annotations

from typing import NamedTuple

from gateway.refusals import Refusal
from gateway.upgrade import Upgrade
from moorage.errors import Code

TOKEN_PROTOCOL = "moorage.token."  # noqa: S105 - the subprotocol's prefix
_QUERY = "token="


class Presented(NamedTuple):
    """The token, and what is left of the request for the worker."""

    token: str
    target: str
    protocols: tuple[str, ...]
    is_in_authorization: bool  # then that field is not forwarded


def find_token(upgrade: Upgrade, *, allows_query: bool) -> Presented:
    """The one token of a request. Raises Refusal: none, or more than one place."""
    bearer = _bearers(upgrade)
    in_protocols = _in_protocols(upgrade.protocols)
    target, in_query = without_token(upgrade.target)
    if in_query and not allows_query:
        raise Refusal(Code.INVALID_SESSION_TOKEN, "this gateway takes no token in the query string")
    found = bearer + in_protocols + in_query
    if not found:
        raise Refusal(Code.INVALID_SESSION_TOKEN, "no session token: send Authorization: Bearer, or a subprotocol")
    if len(found) > 1:
        raise Refusal(Code.BAD_REQUEST, "the session token is there more than once")
    return Presented(found[0], target, offered_without_token(upgrade), bool(bearer))


def offered_without_token(upgrade: Upgrade) -> tuple[str, ...]:
    """The subprotocols that may be answered and forwarded."""
    if not upgrade.protocols:
        return ()
    return tuple(name for name in upgrade.protocols if not name.startswith(TOKEN_PROTOCOL))


def without_token(target: str) -> tuple[str, list[str]]:
    """The target less its `token` parameters, every other byte as it was, and their values.

    >>> without_token("/room?a=1&token=x&b=%20")
    ('/room?a=1&b=%20', ['x'])
    """
    if _QUERY not in target:
        return target, []
    path, mark, query = target.partition("?")
    if _QUERY not in query:
        return target, []
    pairs = query.split("&")
    tokens = [pair.removeprefix(_QUERY) for pair in pairs if pair.startswith(_QUERY)]
    kept = "&".join(pair for pair in pairs if not pair.startswith(_QUERY))
    return f"{path}{mark if kept else ''}{kept}", tokens


def _in_protocols(offered: tuple[str, ...]) -> list[str]:
    if not offered:
        return []
    return [name.removeprefix(TOKEN_PROTOCOL) for name in offered if name.startswith(TOKEN_PROTOCOL)]


def _bearers(upgrade: Upgrade) -> list[str]:
    values = upgrade.head.all("authorization")
    return [value[7:].strip() for value in values if value[:7].lower() == "bearer "]
