"""`moorage demo`: the product in half a minute, on real processes, sockets and certificates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import click

from moorage.cli.extras import server_extra


class Stage:
    """What the demo prints: a heading a step, what happened under it, and how long it took."""

    def __init__(self) -> None:
        self._began_at = time.monotonic()
        self._steps = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step."""
        self._steps += 1
        click.secho(f"\n{self._steps}  {title}", bold=True)
        began_at = time.monotonic()
        yield
        click.secho(f"   {time.monotonic() - began_at:.2f} s", dim=True)

    def say(self, text: str) -> None:
        """A line under the heading."""
        click.echo(f"   {text}")

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began_at


@click.command()
@click.option("--keep", is_flag=True, help="Print Moorage's own log at the end.")
def demo(*, keep: bool) -> None:
    """Show the whole product: sessions over REST, clients over wss, a killed worker, a terminated session."""
    with server_extra("demo"):
        import uvicorn  # noqa: F401 - says early that the extra is missing

        from moorage.cli.demo_house import House
        from moorage.cli.demo_story import StoryBroke, tell
    stage = Stage()
    with TemporaryDirectory(prefix="moorage-demo-") as folder:
        house = House(folder, "--tls", "--drain-seconds", "1")
        try:
            asyncio.run(tell(stage, house))
        except StoryBroke as error:
            click.echo(house.log(), err=True)
            raise click.ClickException(f"the demo broke: {error}") from error
        if keep:
            click.echo(house.log())
