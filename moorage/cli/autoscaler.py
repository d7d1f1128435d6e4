"""`moorage autoscaler`: the program, and what people ask it. Without a command it is `run`."""

from __future__ import annotations

import click

from moorage.cli.lazy import LazyGroup

COMMANDS = {
    "run": ("moorage.cli.autoscaler_run", "Keep pools at the right size, over a shared store."),
    "check": ("moorage.cli.autoscaler_check", "Check a file of policies and show what they come to."),
    "explain": ("moorage.cli.autoscaler_explain", "Show what was decided for a pool, and why."),
    "replay": ("moorage.cli.autoscaler_replay", "Try policies on a trace of sessions."),
}
"""As in moorage.cli.lazy."""


class _Group(LazyGroup):
    """`run` need not be said."""

    table = COMMANDS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options without a command are those of `run`."""
        asks_help = args[:1] in (["-h"], ["--help"])
        if not asks_help and (not args or args[0].startswith("-")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group)
def autoscaler() -> None:
    """Keep enough free slots: run the autoscaler, check its policies, ask why."""
