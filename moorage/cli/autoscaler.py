"""`moorage autoscaler`: the program, and what people ask it. Without a command it is `run`."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "run": ("moorage.cli.autoscaler_run", "Keep pools at the right size, over a shared store."),
    "check": ("moorage.cli.autoscaler_check", "Check a file of policies and show what they come to."),
    "explain": ("moorage.cli.autoscaler_explain", "Show what was decided for a pool, and why."),
    "replay": ("moorage.cli.autoscaler_replay", "Try policies on a trace of sessions."),
}
"""Name -> the module that holds a command of that name, and its line in the help."""


class _Group(click.Group):
    """Its members are imported when they are called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options without a command are those of `run`."""
        asks_help = args[:1] in (["-h"], ["--help"])
        if not asks_help and (not args or args[0].startswith("-")):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=_Group)
def autoscaler() -> None:
    """Keep enough free slots: run the autoscaler, check its policies, ask why."""
