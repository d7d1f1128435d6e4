"""`moorage connect`: a client for people and pipes. Lines of stdin go to the session, its messages to stdout."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from moorage.cli.report import json_option, show_json
from moorage.cli.rest import Endpoint, endpoint_options, rest, trusting

if TYPE_CHECKING:
    from moorage import Connection


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation."""

    url: str
    token: str
    quiet_seconds: float
    as_json: bool
    tls: Any


@click.command()
@click.option("--token", envvar="MOORAGE_TOKEN", help="Token of a session; without one a session is created.")
@click.option("--to", "node", metavar="WS_URL", help="Gateway address; else what the API says.")
@click.option("--user", default="cli", show_default=True, help="End user of the session that is created.")
@click.option("--region", help="Region of the session that is created.")
@click.option("--pool", help="Pool of the session that is created.")
@click.option(
    "--quiet", "quiet_seconds", default=1.0, show_default=True, help="Seconds without a message after the end of input."
)
@json_option
@endpoint_options
def connect(
    endpoint: Endpoint, *, token: str | None, node: str | None, quiet_seconds: float, as_json: bool, **wish: str | None
) -> None:
    """Talk to a session. Ends when the session ends, or with the end of input once it is quiet."""
    url, ticket = _ticket(endpoint, token, node, wish)
    talk = Talk(url, ticket, quiet_seconds, as_json, trusting(endpoint.certificate) if url.startswith("wss") else None)
    try:
        asyncio.run(converse(talk))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _ticket(endpoint: Endpoint, token: str | None, node: str | None, wish: dict[str, str | None]) -> tuple[str, str]:
    """Where to connect and with which token."""
    if token is not None:
        from moorage.cli import running

        here = running.read(endpoint.data)
        if node is None and here is None:
            raise click.UsageError("--token needs the gateway's address too: --to wss://…")
        return node or (here.node if here else ""), token
    with rest(endpoint) as api:
        body = {"end_user_id": wish.pop("user"), **{name: value for name, value in wish.items() if value is not None}}
        made = api.call("POST", "/sessions", body=body)
    _aside(f"session {made['id']} at {node or made['worker_url']}")
    return node or made["worker_url"], made["session_token"]


async def converse(talk: Talk) -> None:
    """Both directions until the session or the input ends. Raises ClickException for an error of the session."""
    import moorage
    from moorage.errors import MoorageError

    try:
        async with moorage.connect(talk.url, talk.token, ssl=talk.tls) as ws:
            await _both_ways(ws, talk)
    except MoorageError as error:
        raise click.ClickException(f"{error.code.value}: {error}") from error
    except OSError as error:
        raise click.ClickException(f"cannot connect to {talk.url}: {error}") from error


async def _both_ways(ws: Connection, talk: Talk) -> None:
    heard = asyncio.Event()
    hearing = asyncio.create_task(_hear(ws, talk, heard))
    saying = asyncio.create_task(_say(ws, talk, heard))
    try:
        await asyncio.wait({hearing, saying}, return_when=asyncio.FIRST_COMPLETED)
        for done in (task for task in (hearing, saying) if task.done()):
            done.result()
    finally:
        hearing.cancel()
        saying.cancel()
        await asyncio.gather(hearing, saying, return_exceptions=True)


async def _hear(ws: Connection, talk: Talk, heard: asyncio.Event) -> None:
    async for message in ws:
        heard.set()
        if talk.as_json:
            show_json({"message": message if isinstance(message, str) else message.hex()})
        else:
            click.echo(message)


async def _say(ws: Connection, talk: Talk, heard: asyncio.Event) -> None:
    from moorage.cli.stdin import lines

    async for line in lines():
        await ws.send(line)
    while True:
        heard.clear()
        try:
            async with asyncio.timeout(talk.quiet_seconds):
                await heard.wait()
        except TimeoutError:
            return


def _aside(text: str) -> None:
    """For people only: pipes get messages and nothing else."""
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)
