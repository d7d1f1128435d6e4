"""`moorage demo`: the product in a few seconds, on real processes, sockets and certificates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import click

from moorage.cli.extras import server_extra
from moorage.cli.report import json_option, show_json


class Stage:
    """What the demo prints: a heading a step, what happened under it, and how long it took."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._began_at = time.monotonic()
        self._as_json = as_json
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step."""
        self.steps.append({"step": title, "said": [], "seconds": None})
        self._print(f"\n{len(self.steps)}  {title}", bold=True)
        began_at = time.monotonic()
        yield
        self.steps[-1]["seconds"] = round(time.monotonic() - began_at, 3)
        self._print(f"   {self.steps[-1]['seconds']:.2f} s", dim=True)

    def say(self, text: str) -> None:
        """A line under the heading."""
        self.steps[-1]["said"].append(text)
        self._print(f"   {text}")

    def end(self) -> None:
        """The last line, or all of it as JSON."""
        seconds = time.monotonic() - self._began_at
        if self._as_json:
            show_json({"seconds": round(seconds, 3), "steps": self.steps})
        self._print(f"\nAll of it in {seconds:.1f} s. Yours: `moorage up`, then `moorage connect`.", bold=True)

    def _print(self, text: str, *, bold: bool = False, dim: bool = False) -> None:
        if not self._as_json:
            click.secho(text, bold=bold or None, dim=dim or None)


@click.command()
@click.option("--log", "shows_log", is_flag=True, help="Print Moorage's own log at the end.")
@json_option
def demo(*, shows_log: bool, as_json: bool) -> None:
    """Show the whole product: sessions over REST, clients over wss, a killed worker, a crowd."""
    with server_extra("demo"):
        import uvicorn  # noqa: F401 - says early that the extra is missing

        from moorage.cli.demo_cast import StoryBroke
        from moorage.cli.demo_growth import ELASTIC
        from moorage.cli.demo_house import House
        from moorage.cli.demo_story import tell
    stage = Stage(as_json=as_json)
    with TemporaryDirectory(prefix="moorage-demo-") as folder:
        house = House(folder, "--tls", "--drain-seconds", "1", *ELASTIC)
        try:
            asyncio.run(tell(stage, house))
        except StoryBroke as error:
            click.echo(house.log(), err=True)
            raise click.ClickException(f"the demo broke: {error}") from error
        if shows_log:
            click.echo(house.log(), err=True)
