"""The command tree. Commands load on first use, so that `moorage --help` imports click and nothing else."""

from __future__ import annotations

import json
from typing import IO, Any

import click

import moorage as package
from moorage.cli.lastword import leave_word
from moorage.cli.lazy import LazyGroup

COMMANDS = {
    "up": ("moorage.cli.up", "Run everything on one machine, with example workers."),
    "demo": ("moorage.cli.demo", "Show the whole product in a few seconds: sessions, wss, a killed worker."),
    "gateway": ("moorage.cli.gateway", "Run one gateway of many over a shared store."),
    "controlplane": ("moorage.cli.controlplane", "Run one control plane over a shared store."),
    "autoscaler": ("moorage.cli.autoscaler", "Keep enough free slots: run it, check policies, ask why."),
    "database": ("moorage.cli.database", "Bring the database's schema up to date, or say where it is."),
    "worker": ("moorage.cli.worker", "Serve sessions with a function of yours."),
    "session": ("moorage.cli.session", "Create, read, list and end sessions."),
    "revoke": ("moorage.cli.revoke", "End all of a session, user, API key or workspace, at once."),
    "keys": ("moorage.cli.keys", "Create, list and revoke API keys."),
    "connect": ("moorage.cli.connect", "Talk to a session: lines in, messages out."),
    "workers": ("moorage.cli.workers", "List, cordon and drain workers."),
    "drain": ("moorage.cli.drain", "Empty a worker, a gateway, a pool or a region, and watch it."),
    "scale": ("moorage.cli.scale", "Want more workers of a pool, fewer, or just so many, for a while."),
    "token": ("moorage.cli.token", "Look into session tokens."),
    "config": ("moorage.cli.config", "Show the settings in force and where each comes from."),
    "health": ("moorage.cli.health", "Ask the program of this machine whether it lives, or is ready."),
    "doctor": ("moorage.cli.doctor", "Check this machine, or an installation on Kubernetes, and say what to do."),
    "completion": ("moorage.cli.completion", "Print the shell completion script."),
}
"""As in moorage.cli.lazy."""


class Unanswered(click.ClickException):
    """An error under --json: one document on stderr, with the code and request id of the API where it was the API's."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.format_message())
        self.exit_code = error.exit_code  # type: ignore[misc] # click's own errors have it per class
        self._said = dict(getattr(error, "said", {}))

    def show(self, file: IO[Any] | None = None) -> None:
        """Instead of click's sentence."""
        document = {"error": self.message, "code": self._said.get("code"), "request_id": self._said.get("request_id")}
        click.echo(json.dumps(document), file=file, err=file is None)


class _Root(LazyGroup):
    """Errors are JSON where an answer would be."""

    table = COMMANDS

    def invoke(self, ctx: click.Context) -> object:
        wants_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            leave_word(error.format_message())
            if not wants_json:
                raise
            raise Unanswered(error) from error
        except Exception as error:
            leave_word(f"{type(error).__name__}: {error}")
            raise


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package.__version__, prog_name="moorage")
def moorage() -> None:
    """Fleets of session workers, and the realtime gateway in front of them.

    Start with `moorage demo`, or `moorage up` and then `moorage connect`.
    """
