"""`moorage completion`: the script a shell sources."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

WHERE = {
    "bash": 'eval "$(moorage completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(moorage completion zsh)"   # in ~/.zshrc',
    "fish": "moorage completion fish > ~/.config/fish/completions/moorage.fish",
}


@click.command(epilog="\b\n" + "\n".join(WHERE.values()))
@click.argument("shell", type=click.Choice(sorted(WHERE)))
def completion(shell: str) -> None:
    """Print the shell completion script."""
    from moorage.cli.root import moorage

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(moorage, {}, "moorage", "_MOORAGE_COMPLETE").source())
